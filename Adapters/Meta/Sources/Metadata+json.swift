package import BridgeCore
package import JSON

extension Metadata {
    /// Adds a copy of a value under a name, unless it is missing.
    package mutating func add(_ name: String, json view: JSONView) {
        guard view.exists else { return }
        var writer = JSONWriter()
        writer.value(view)
        self[name] = .json(writer.bytes)
    }
}

extension [InboundEvent] {
    /// The same events without those whose id stood before: Meta may put a message into one body twice.
    package func withoutRepeats() -> [InboundEvent] {
        guard count > 1 else { return self }
        var seen: Set<EventID> = []
        return filter { seen.insert($0.id).inserted }
    }
}
