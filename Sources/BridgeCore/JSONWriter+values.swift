public import JSON

extension JSONWriter {
    /// Writes a member whose value is an identifier, without making a string of it.
    public mutating func field(_ name: StaticString, _ id: UUID) {
        key(name)
        quoted(36) { id.write(to: $0) }
    }

    /// Writes a member whose value is a time, without making a string of it.
    public mutating func field(_ name: StaticString, _ time: Timestamp) {
        key(name)
        quoted(27) { time.write(to: $0) }
    }

    /// Writes a string of `count` bytes that need no escapes.
    private mutating func quoted(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
        withUnsafeTemporaryAllocation(byteCount: count + 2, alignment: 1) { buffer in
            buffer[0] = UInt8(ascii: "\"")
            body(UnsafeMutableRawBufferPointer(rebasing: buffer[1...]))
            buffer[count + 1] = UInt8(ascii: "\"")
            raw(UnsafeRawBufferPointer(buffer))
        }
    }
}
