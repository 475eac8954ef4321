internal import HTTPCore

/// The header section of an answer as its bytes came; most callers never look, so fields are made on demand.
struct ResponseHead: Sendable {
    private enum Storage: Sendable {
        case wire([UInt8])
        case fields(HTTPFields)
    }

    private let storage: Storage

    /// Wraps the lines after the status line, each with its line end.
    init(wire: [UInt8]) {
        storage = .wire(wire)
    }

    /// Wraps fields that are made already.
    init(fields: HTTPFields) {
        storage = .fields(fields)
    }

    var fields: HTTPFields {
        switch storage {
        case .fields(let fields): fields
        case .wire(let bytes): HTTPFields(ResponseHead.parse(bytes))
        }
    }

    /// The first value under a name, without making the others.
    func value(of name: String) -> String? {
        switch storage {
        case .fields(let fields): return fields[name]
        case .wire(let bytes):
            var name = name
            return name.withUTF8 { wanted in
                var start = bytes.startIndex
                while start < bytes.endIndex {
                    let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
                    let colon = start + wanted.count
                    if colon < end, bytes[colon] == UInt8(ascii: ":"),
                        zip(bytes[start..<colon], wanted).allSatisfy({ ResponseHead.isSameLetter($0, $1) })
                    {
                        return String(decoding: ResponseHead.trimmed(bytes[(colon + 1)..<end]), as: UTF8.self)
                    }
                    start = end + 1
                }
                return nil
            }
        }
    }

    private static func parse(_ bytes: [UInt8]) -> [HTTPFields.Field] {
        var fields: [HTTPFields.Field] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            fields.append(
                HTTPFields.Field(
                    name: String(decoding: line[..<colon], as: UTF8.self),
                    value: String(decoding: trimmed(line[(colon + 1)...]), as: UTF8.self)))
        }
        return fields
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var value = line.drop(while: isSpace)
        while let last = value.last, isSpace(last) { value.removeLast() }
        return value
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// True for the same byte, and for the two cases of one ASCII letter.
    private static func isSameLetter(_ one: UInt8, _ other: UInt8) -> Bool {
        one == other || (one ^ other == 0x20 && (0x61...0x7A).contains(one | 0x20))
    }
}
