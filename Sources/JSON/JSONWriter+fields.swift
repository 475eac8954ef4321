extension JSONWriter {
    /// Writes a member whose value is a string.
    public mutating func field(_ name: StaticString, _ text: String) {
        if text.utf8.withContiguousStorageIfAvailable({ member(name, $0) }) == nil {
            Array(text.utf8).withUnsafeBufferPointer { member(name, $0) }
        }
    }

    /// Writes a member whose value is a string, or leaves the member out for nil.
    public mutating func field(_ name: StaticString, _ text: String?) {
        if let text { field(name, text) }
    }

    /// Writes a member whose value is an integer.
    public mutating func field(_ name: StaticString, _ number: Int) {
        field(name, Int64(number))
    }

    /// Writes a member whose value is an integer, or leaves the member out for nil.
    public mutating func field(_ name: StaticString, _ number: Int?) {
        if let number { field(name, number) }
    }

    /// Writes a member whose value is an integer.
    public mutating func field(_ name: StaticString, _ number: Int64) {
        member(name, room: 20) { $0.writeDecimal(number, &$1) }
    }

    /// Writes a member whose value is an integer, or leaves the member out for nil.
    public mutating func field(_ name: StaticString, _ number: Int64?) {
        if let number { field(name, number) }
    }

    /// Writes a member whose value is an integer.
    public mutating func field(_ name: StaticString, _ number: UInt64) {
        member(name, room: 20) { $0.writeDecimal(number, &$1) }
    }

    /// Writes a member whose value is a number; `null` for infinities and NaN.
    public mutating func field(_ name: StaticString, _ number: Double) {
        key(name)
        value(number)
    }

    /// Writes a member whose value is a number, or leaves the member out for nil.
    public mutating func field(_ name: StaticString, _ number: Double?) {
        if let number { field(name, number) }
    }

    /// Writes a member whose value is `true` or `false`.
    public mutating func field(_ name: StaticString, _ truth: Bool) {
        key(name)
        value(truth)
    }

    /// Writes a member whose value is `true` or `false`, or leaves the member out for nil.
    public mutating func field(_ name: StaticString, _ truth: Bool?) {
        if let truth { field(name, truth) }
    }

    /// Writes a member whose value is a copy of another document's; `null` for a missing one.
    public mutating func field(_ name: StaticString, _ view: JSONView) {
        key(name)
        value(view)
    }

    /// Writes a member whose value is `null`.
    public mutating func nullField(_ name: StaticString) {
        key(name)
        null()
    }

    /// Writes a member whose value is JSON already, unchecked.
    public mutating func rawField(_ name: StaticString, _ json: [UInt8]) {
        member(name, room: json.count) { output, place in
            json.withUnsafeBytes { json in
                if let start = json.baseAddress { output.write(start, json.count, &place) }
            }
        }
    }

    /// Writes a member whose value is a string of so many bytes that need no escapes, which the body fills in.
    package mutating func field(
        _ name: StaticString, plainBytes count: Int, _ write: (UnsafeMutableRawPointer) -> Void
    ) {
        member(name, room: count + 2) { output, place in
            output.write(UInt8(ascii: "\""), &place)
            write(output + place)
            place += count
            output.write(UInt8(ascii: "\""), &place)
        }
    }

    /// Writes a member whose value is an object; the body writes its keys and values.
    public mutating func objectField(_ name: StaticString, _ body: (inout JSONWriter) throws -> Void) rethrows {
        key(name)
        try object(body)
    }

    /// Writes a member whose value is an array; the body writes its values.
    public mutating func arrayField(_ name: StaticString, _ body: (inout JSONWriter) throws -> Void) rethrows {
        key(name)
        try array(body)
    }
}
