internal import HTTPCore

/// Why a request was refused before any handler saw it; the raw value is the `code` of the error body.
package enum HTTPRequestFault: String, Error, Equatable, CaseIterable {
    case badRequestLine = "bad_request_line"
    case badTarget = "bad_target"
    case targetTooLong = "target_too_long"
    case methodNotSupported = "method_not_supported"
    case versionNotSupported = "version_not_supported"
    case bareLineFeed = "bare_line_feed"
    case foldedField = "folded_field"
    case badFieldName = "bad_field_name"
    case badFieldValue = "bad_field_value"
    case headersTooLarge = "headers_too_large"
    case tooManyHeaders = "too_many_headers"
    case missingHost = "missing_host"
    case repeatedHost = "repeated_host"
    case badHost = "bad_host"
    case badContentLength = "bad_content_length"
    case repeatedContentLength = "repeated_content_length"
    case lengthWithTransferCoding = "length_with_transfer_coding"
    case repeatedTransferCoding = "repeated_transfer_coding"
    case transferCodingNotSupported = "transfer_coding_not_supported"
    case transferCodingInOldVersion = "transfer_coding_in_old_version"
    case contentTooLarge = "content_too_large"
    case badChunkSize = "bad_chunk_size"
    case badChunkEnd = "bad_chunk_end"
    case chunkExtensionsTooLong = "chunk_extensions_too_long"
    case expectationFailed = "expectation_failed"
    case headTimeout = "head_timeout"
    case bodyTimeout = "body_timeout"
    case overloaded

    /// The status that tells the client.
    var status: HTTPStatus {
        switch self {
        case .targetTooLong: HTTPStatus(414)
        case .methodNotSupported, .transferCodingNotSupported: HTTPStatus(501)
        case .versionNotSupported: HTTPStatus(505)
        case .headersTooLarge, .tooManyHeaders: HTTPStatus(431)
        case .contentTooLarge: .contentTooLarge
        case .expectationFailed: HTTPStatus(417)
        case .headTimeout, .bodyTimeout: HTTPStatus(408)
        case .overloaded: .serviceUnavailable
        default: .badRequest
        }
    }

    /// What was wrong, for whoever debugs the client.
    var message: String {
        switch self {
        case .badRequestLine: "The request line is not METHOD TARGET HTTP/1.1."
        case .badTarget: "The request target is malformed."
        case .targetTooLong: "The request target is too long."
        case .methodNotSupported: "The method is not supported."
        case .versionNotSupported: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
        case .bareLineFeed: "Lines must end in CR LF."
        case .foldedField: "A field line must not begin with white space."
        case .badFieldName: "A field name is malformed."
        case .badFieldValue: "A field value holds a control character."
        case .headersTooLarge: "The header fields are too large."
        case .tooManyHeaders: "There are too many header fields."
        case .missingHost: "The Host field is missing."
        case .repeatedHost: "The Host field is repeated."
        case .badHost: "The Host field is malformed."
        case .badContentLength: "Content-Length must be digits."
        case .repeatedContentLength: "The Content-Length field is repeated."
        case .lengthWithTransferCoding: "Content-Length and Transfer-Encoding exclude each other."
        case .repeatedTransferCoding: "The Transfer-Encoding field is repeated."
        case .transferCodingNotSupported: "The only transfer coding supported is chunked."
        case .transferCodingInOldVersion: "HTTP/1.0 has no Transfer-Encoding."
        case .contentTooLarge: "The content is over the limit."
        case .badChunkSize: "A chunk size is malformed."
        case .badChunkEnd: "A chunk is longer than its size says."
        case .chunkExtensionsTooLong: "The chunk extensions are too long."
        case .expectationFailed: "The only expectation known is 100-continue."
        case .headTimeout: "The request's head did not arrive in time."
        case .bodyTimeout: "The request's content did not arrive in time."
        case .overloaded: "The server has no memory left for requests that arrive slowly."
        }
    }
}
