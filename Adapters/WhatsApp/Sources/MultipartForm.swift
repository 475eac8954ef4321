/// A `multipart/form-data` body (RFC 7578), for files among fields.
struct MultipartForm {
    private let boundary: String
    private var parts: [UInt8] = []

    /// A form whose parts are told by a boundary that stands nowhere in them.
    init(boundary: String) {
        self.boundary = boundary
    }

    /// The media type that goes with the body.
    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    /// The whole body.
    var body: [UInt8] { parts + Array("--\(boundary)--\r\n".utf8) }

    /// Adds a field.
    mutating func append(_ name: String, _ value: String) {
        parts += Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
    }

    /// Adds a file.
    mutating func append(_ field: String, _ bytes: [UInt8], name: String, contentType: String) {
        // Quotation marks and line breaks would end the name (RFC 7578, section 4.2, and WHATWG HTML, 4.10.21.8).
        let safe = String(name.map { $0.isNewline || $0 == "\"" || $0 == "\\" ? "_" : $0 })
        let type = String(contentType.filter { !$0.isNewline })
        parts.reserveCapacity(parts.count + bytes.count + 256)
        parts += Array(
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(field)\"; filename=\"\(safe)\"\r\n".utf8)
        parts += Array("Content-Type: \(type)\r\n\r\n".utf8)
        parts += bytes
        parts += [0x0D, 0x0A]
    }
}
