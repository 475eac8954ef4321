internal import CSimdJSON

/// Writes one JSON value straight to bytes, without white space.
///
/// Commas and colons are the writer's business; that an object holds keys with one value each is the caller's:
///
/// ```swift
/// var writer = JSONWriter()
/// writer.object { json in
///     json.field("chat_id", 42)
///     json.arrayField("tags") { $0.value("new") }
/// }
/// send(writer.bytes)                  // {"chat_id":42,"tags":["new"]}
/// ```
///
/// If a body throws, what is written so far is not JSON: drop the writer.
public struct JSONWriter: Sendable {
    /// What is written so far.
    public private(set) var bytes: [UInt8]
    private var needsComma = false

    /// Creates an empty writer with room for that many bytes; it grows as needed.
    public init(capacity: Int = 512) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Writes an object; the body writes its keys and values.
    public mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        open(UInt8(ascii: "{"))
        try body(&self)
        close(UInt8(ascii: "}"))
    }

    /// Writes an array; the body writes its values.
    public mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        open(UInt8(ascii: "["))
        try body(&self)
        close(UInt8(ascii: "]"))
    }

    /// Writes the name of a member, whose value comes next.
    ///
    /// The name must need no escapes.
    public mutating func key(_ name: StaticString) {
        member(name, room: 0) { _, _ in }
        needsComma = false
    }

    /// Writes the name of a member, escaped, whose value comes next.
    @_disfavoredOverload
    public mutating func key(_ name: String) {
        value(name)
        needsComma = false
        bytes.append(UInt8(ascii: ":"))
    }

    /// Writes a string, escaping quotation marks, backslashes and control bytes alone.
    public mutating func value(_ text: String) {
        // A native string lends its bytes without being copied.
        if text.utf8.withContiguousStorageIfAvailable({ value($0) }) == nil {
            Array(text.utf8).withUnsafeBufferPointer { value($0) }
        }
    }

    /// Writes an integer.
    public mutating func value(_ number: Int64) {
        value(room: 20) { $0.writeDecimal(number, &$1) }
    }

    /// Writes an integer.
    public mutating func value(_ number: Int) {
        value(Int64(number))
    }

    /// Writes an integer.
    public mutating func value(_ number: UInt64) {
        value(room: 20) { $0.writeDecimal(number, &$1) }
    }

    /// Writes a number with as many digits as it takes to read the same number back; `null` for infinities and NaN.
    public mutating func value(_ number: Double) {
        guard number.isFinite else { return null() }
        var text = number.description
        text.withUTF8 { raw(UnsafeRawBufferPointer($0)) }
    }

    /// Writes `true` or `false`.
    public mutating func value(_ truth: Bool) {
        literal(truth ? "true" : "false")
    }

    /// Writes `null`.
    public mutating func null() {
        literal("null")
    }

    /// Writes a copy of a value and all that is in it; `null` for a missing one.
    public mutating func value(_ view: JSONView) {
        guard let document = view.document else { return null() }
        beginValue()
        // Not `&bytes`, which would pass the array's storage instead of the array.
        let written = withUnsafeMutablePointer(to: &bytes) { bytes in
            withExtendedLifetime(document) {
                cb_json_minify(view.value, bytes) { context, start, count in
                    guard let bytes = context?.assumingMemoryBound(to: [UInt8].self) else { return }
                    bytes.pointee.append(contentsOf: UnsafeBufferPointer(start: start, count: count))
                }
            }
        }
        precondition(written, "memory ran out while copying a JSON value")
    }

    /// Writes bytes that are one JSON value already, unchecked.
    public mutating func raw(_ json: [UInt8]) {
        json.withUnsafeBytes { raw($0) }
    }

    /// Writes bytes that are one JSON value already, unchecked.
    public mutating func raw(_ json: UnsafeRawBufferPointer) {
        value(room: json.count) { output, place in
            if let start = json.baseAddress { output.write(start, json.count, &place) }
        }
    }

    private mutating func beginValue() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    private mutating func literal(_ text: StaticString) {
        text.withUTF8Buffer { raw(UnsafeRawBufferPointer($0)) }
    }

    /// Writes a value of at most `room` bytes behind the comma that it needs.
    @inline(__always)
    mutating func value(room: Int, _ write: (UnsafeMutableRawPointer, inout Int) -> Void) {
        let comma = needsComma
        needsComma = true
        bytes.append(room: room + 1) { output in
            var place = 0
            if comma { output.write(UInt8(ascii: ","), &place) }
            write(output, &place)
            return place
        }
    }

    /// Writes a member whose value has at most `room` bytes.
    @inline(__always)
    mutating func member(_ name: StaticString, room: Int, _ write: (UnsafeMutableRawPointer, inout Int) -> Void) {
        let comma = needsComma
        needsComma = true
        bytes.append(room: name.utf8CodeUnitCount &+ 4 &+ UnsafeMutableRawPointer.wordRoom &+ room) { output in
            var place = 0
            output.writeName(name, comma: comma, &place)
            write(output, &place)
            return place
        }
    }

    private mutating func value(_ text: UnsafeBufferPointer<UInt8>) {
        let comma = needsComma
        needsComma = true
        bytes.appendJSONString(text, behind: 1) { output, place in
            if comma { output.write(UInt8(ascii: ","), &place) }
        }
    }

    /// Writes a member whose value is a string.
    mutating func member(_ name: StaticString, _ text: UnsafeBufferPointer<UInt8>) {
        let comma = needsComma
        needsComma = true
        bytes.appendJSONString(text, behind: name.utf8CodeUnitCount + 4) { output, place in
            output.writeName(name, comma: comma, &place)
        }
    }

    private mutating func open(_ bracket: UInt8) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = false
        bytes.append(bracket)
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }
}
