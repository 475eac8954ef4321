import CSimdJSON

/// Owns one parsed document of simdjson; every view of it holds a reference.
///
/// When the last view goes, the memory returns to the pool of the thread it goes on. Until then nothing writes to it.
// Unchecked: the pointer is set once, and what it points to does not change between the parse and `deinit`.
final class JSONDocument: @unchecked Sendable {
    private let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        cb_json_release(pointer)
    }

    /// Parses the bytes, mending once what simdjson refuses although others accept it (see ``JSONRepair``).
    static func parse(_ input: UnsafeRawBufferPointer) -> Result<JSONView, JSONError> {
        var bytes = input
        // A byte order mark is no JSON, but "implementations may ignore it" (RFC 8259, section 8.1).
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            bytes = UnsafeRawBufferPointer(rebasing: bytes[3...])
        }
        let skipped = input.count - bytes.count
        var result = attempt(bytes)
        if case .failure(let failure) = result, failure.reason.isMendable, let mended = JSONRepair.mended(bytes) {
            result = mended.withUnsafeBytes { attempt($0) }
        }
        return result.mapError { failure in
            switch failure.reason {
            case .empty: JSONError(reason: .empty, offset: input.count)
            case .invalidUTF8: JSONError(reason: .invalidUTF8, offset: firstInvalidUTF8(in: bytes).map { $0 + skipped })
            default: failure
            }
        }
    }

    private static func attempt(_ bytes: UnsafeRawBufferPointer) -> Result<JSONView, JSONError> {
        var root = cb_json_value()
        var status = CB_JSON_OK
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard let pointer = cb_json_parse(start, bytes.count, &root, &status) else {
            return .failure(JSONError(reason: JSONError.Reason(status)))
        }
        return .success(JSONView(document: JSONDocument(pointer), value: root))
    }

    private static func firstInvalidUTF8(in bytes: UnsafeRawBufferPointer) -> Int? {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): offset += UTF8.width(scalar)
            case .error: return offset
            case .emptyInput: return nil
            }
        }
    }
}

extension JSONError.Reason {
    fileprivate init(_ status: cb_json_status) {
        switch status {
        case CB_JSON_EMPTY: self = .empty
        case CB_JSON_STRING: self = .invalidString
        case CB_JSON_NUMBER: self = .invalidNumber
        case CB_JSON_UTF8: self = .invalidUTF8
        case CB_JSON_DEPTH: self = .tooDeep
        case CB_JSON_SIZE: self = .tooLarge
        case CB_JSON_MEMORY: self = .outOfMemory
        default: self = .syntax
        }
    }

    /// Whether a lone surrogate or a huge number may be the cause.
    ///
    /// Versions of simdjson differ in the code for the latter.
    fileprivate var isMendable: Bool {
        switch self {
        case .invalidString, .invalidNumber, .syntax: true
        default: false
        }
    }
}
