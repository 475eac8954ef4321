/// SQLite's binary form of JSON, which versions before 3.45 cannot read themselves (sqlite.org/jsonb.html).
///
/// An element is a header and a payload. The header's lower four bits are the type; its upper four are the payload's size, or
/// with 12 to 15 say that the size follows as 1, 2, 4 or 8 bytes, big-endian.
struct BinaryJSON {
    /// The limit of SQLite itself (`JSON_MAX_DEPTH`).
    static let depthLimit = 1000

    private let bytes: UnsafeRawBufferPointer
    private var output: [UInt8] = []

    /// The JSON text of a blob; nil unless it is one element that fills the blob and is well-formed to its last byte.
    ///
    /// Text in it that is not UTF-8 is given as it is.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var decoder = BinaryJSON(bytes: bytes)
        decoder.output.reserveCapacity(bytes.count + bytes.count / 4 + 8)
        guard decoder.element(at: 0, before: bytes.count, depth: 0) == bytes.count else { return nil }
        return decoder.output
    }

    /// The JSON text of a blob.
    static func decode(_ bytes: [UInt8]) -> [UInt8]? { bytes.withUnsafeBytes { decode($0) } }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private enum Kind: UInt8 {
        case null, yes, no, integer, integer5, float, float5, text, textJ, text5, textRaw, array, object
    }

    private struct Element {
        var kind: Kind
        var payload: Range<Int>
    }

    /// The header that starts here; nil when it or its payload leaves the bounds, or its type is reserved.
    private func header(at start: Int, before end: Int) -> Element? {
        guard start < end, let kind = Kind(rawValue: bytes[start] & 0x0f) else { return nil }
        let size = Int(bytes[start] >> 4)
        guard size > 11 else {
            return size <= end - start - 1 ? Element(kind: kind, payload: (start + 1)..<(start + 1 + size)) : nil
        }
        let digits = 1 << (size - 12)
        guard digits <= end - start - 1 else { return nil }
        var length: UInt64 = 0
        for byte in bytes[(start + 1)..<(start + 1 + digits)] { length = length << 8 | UInt64(byte) }
        let first = start + 1 + digits
        guard length <= UInt64(end - first) else { return nil }
        return Element(kind: kind, payload: first..<(first + Int(length)))
    }

    /// Writes the element that starts here.
    ///
    /// - Returns: where it ends; nil when it is malformed.
    private mutating func element(at start: Int, before end: Int, depth: Int) -> Int? {
        guard depth <= Self.depthLimit, let element = header(at: start, before: end) else { return nil }
        let payload = element.payload
        let isFine: Bool
        switch element.kind {
        // A payload is reserved for the future, and to be passed over.
        case .null: isFine = write("null")
        case .yes: isFine = write("true")
        case .no: isFine = write("false")
        case .integer: isFine = number(payload, isInteger: true)
        case .float: isFine = number(payload, isInteger: false)
        case .integer5: isFine = integer5(payload)
        case .float5: isFine = float5(payload)
        case .text, .textJ, .text5, .textRaw: isFine = text(element)
        case .array: isFine = array(payload, depth: depth)
        case .object: isFine = object(payload, depth: depth)
        }
        return isFine ? payload.upperBound : nil
    }

    private mutating func array(_ payload: Range<Int>, depth: Int) -> Bool {
        output.append(UInt8(ascii: "["))
        var place = payload.lowerBound
        while place < payload.upperBound {
            if place > payload.lowerBound { output.append(UInt8(ascii: ",")) }
            guard let next = element(at: place, before: payload.upperBound, depth: depth + 1) else { return false }
            place = next
        }
        output.append(UInt8(ascii: "]"))
        return true
    }

    private mutating func object(_ payload: Range<Int>, depth: Int) -> Bool {
        output.append(UInt8(ascii: "{"))
        var place = payload.lowerBound
        while place < payload.upperBound {
            if place > payload.lowerBound { output.append(UInt8(ascii: ",")) }
            guard let key = header(at: place, before: payload.upperBound), text(key) else { return false }
            output.append(UInt8(ascii: ":"))
            guard let next = element(at: key.payload.upperBound, before: payload.upperBound, depth: depth + 1) else {
                return false
            }
            place = next
        }
        output.append(UInt8(ascii: "}"))
        return true
    }

    /// Writes a string of any of the four types; false for another type too.
    private mutating func text(_ element: Element) -> Bool {
        output.append(UInt8(ascii: "\""))
        let payload = UnsafeRawBufferPointer(rebasing: bytes[element.payload])
        let isFine: Bool
        switch element.kind {
        // TEXT needs no escapes; where it does, it is another's mistake and no reason to write bad JSON.
        case .text, .textRaw: isFine = BinaryJSONText.escape(payload, into: &output)
        case .textJ: isFine = BinaryJSONText.copy(payload, into: &output)
        case .text5: isFine = BinaryJSONText.translate(payload, into: &output)
        default: isFine = false
        }
        output.append(UInt8(ascii: "\""))
        return isFine
    }

    private mutating func write(_ literal: StaticString) -> Bool {
        output.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
        return true
    }

    // MARK: Numbers

    /// RFC 8259, section 6.
    private mutating func number(_ payload: Range<Int>, isInteger: Bool) -> Bool {
        var rest = bytes[payload]
        func digits(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Int {
            let before = rest.count
            rest = rest.drop { (0x30...0x39).contains($0) }
            return before - rest.count
        }
        if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let hasZero = rest.first == UInt8(ascii: "0")
        let count = digits(&rest)
        guard count > 0, !(hasZero && count > 1) else { return false }
        if !isInteger {
            if rest.first == UInt8(ascii: ".") {
                rest.removeFirst()
                guard digits(&rest) > 0 else { return false }
            }
            if let byte = rest.first, byte | 0x20 == UInt8(ascii: "e") {
                rest.removeFirst()
                if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
                guard digits(&rest) > 0 else { return false }
            }
        }
        guard rest.isEmpty else { return false }
        output.append(contentsOf: bytes[payload])
        return true
    }

    /// Hexadecimal, as `0x1F`; with a sign perhaps.
    private mutating func integer5(_ payload: Range<Int>) -> Bool {
        var rest = bytes[payload]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
        guard rest.count > 2, rest.first == UInt8(ascii: "0"), rest[rest.startIndex + 1] | 0x20 == UInt8(ascii: "x")
        else {
            // JSON5 has integers with a plus sign too.
            guard isNegative || rest.startIndex > payload.lowerBound else { return false }
            if isNegative { output.append(UInt8(ascii: "-")) }
            return number(rest.startIndex..<payload.upperBound, isInteger: true)
        }
        let digits = String(decoding: rest.dropFirst(2), as: UTF8.self)
        // `UInt64(_:radix:)` takes a sign.
        guard digits.utf8.allSatisfy({ $0 != 0x2b && $0 != 0x2d }) else { return false }
        if isNegative { output.append(UInt8(ascii: "-")) }
        if let value = UInt64(digits, radix: 16) {
            output.append(contentsOf: String(value).utf8)
        } else {
            guard let value = Double("0x\(digits)p0"), value.isFinite else { return false }
            output.append(contentsOf: value.description.utf8)
        }
        return true
    }

    /// What RFC 8259 does not have: a point without digits on one side, a plus sign, infinities.
    private mutating func float5(_ payload: Range<Int>) -> Bool {
        var text = Array(bytes[payload])
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative || text.first == UInt8(ascii: "+") { text.removeFirst() }
        guard text.contains(where: { (0x30...0x39).contains($0) }) || text.first == UInt8(ascii: "I") else {
            return false
        }
        if text.elementsEqual("Infinity".utf8) {
            // As SQLite writes it: a number that every reader takes for one beyond its range.
            text = Array("9.0e999".utf8)
        }
        if text.first == UInt8(ascii: ".") { text.insert(UInt8(ascii: "0"), at: 0) }
        if let point = text.firstIndex(of: UInt8(ascii: ".")),
            point + 1 == text.count || !(0x30...0x39).contains(text[point + 1])
        {
            text.insert(UInt8(ascii: "0"), at: point + 1)
        }
        if isNegative { text.insert(UInt8(ascii: "-"), at: 0) }
        let written: [UInt8]? = text.withUnsafeBytes { bytes in
            var checker = BinaryJSON(bytes: bytes)
            return checker.number(0..<bytes.count, isInteger: false) ? checker.output : nil
        }
        guard let written else { return false }
        output.append(contentsOf: written)
        return true
    }
}
