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

    private static func parse(_ bytes: [UInt8]) -> [HTTPFields.Field] {
        var fields: [HTTPFields.Field] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let isSpace: (UInt8) -> Bool = {
                $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
            }
            var value = line[(colon + 1)...].drop(while: isSpace)
            while let last = value.last, isSpace(last) { value.removeLast() }
            fields.append(
                HTTPFields.Field(
                    name: String(decoding: line[..<colon], as: UTF8.self), value: String(decoding: value, as: UTF8.self)
                ))
        }
        return fields
    }
}
