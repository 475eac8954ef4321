internal import BridgeCore
internal import JSON

/// What the inbox keeps of a question, for whoever has to answer it.
struct InboxPayload {
    let platform: PlatformName
    let event: InboundEvent
    /// The `traceparent` of the bridge that took it.
    let trace: String?

    /// `{"platform","event","trace"}`; the last only where there is one.
    static func encode(_ event: InboundEvent, on platform: PlatformName, trace: String? = nil) -> [UInt8] {
        var writer = JSONWriter(capacity: 512)
        writer.object { object in
            object.field("platform", platform.rawValue)
            object.key("event")
            event.write(to: &object)
            object.field("trace", trace)
        }
        return writer.bytes
    }

    /// Nil for anything that ``encode(_:on:)`` did not write.
    init?(_ bytes: [UInt8]) {
        guard let root = try? JSONView(parsing: bytes), let platform = root["platform"].string,
            let event = InboundEvent(root["event"])
        else {
            return nil
        }
        self.platform = PlatformName(platform)
        self.event = event
        trace = root["trace"].string
    }
}
