public import JSON

extension JSONWriter {
    /// Writes a member whose value is an identifier, without making a string of it.
    public mutating func field(_ name: StaticString, _ id: UUID) {
        field(name, plainBytes: 36) { id.write(to: $0) }
    }

    /// Writes a member whose value is a time, without making a string of it.
    public mutating func field(_ name: StaticString, _ time: Timestamp) {
        field(name, plainBytes: 27) { time.write(to: $0) }
    }
}
