/// A body of the type `multipart/form-data` (RFC 7578).
struct MultipartForm {
    private let boundary: String
    private var bytes: [UInt8] = []

    /// An empty form.
    ///
    /// - Parameter boundary: must stand in no part's content; one that holds a random identifier never does.
    init(boundary: String) {
        self.boundary = boundary
    }

    /// The value of `Content-Type`.
    var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    /// The whole body.
    var body: [UInt8] { bytes + Array("--\(boundary)--\r\n".utf8) }

    /// Adds a part.
    mutating func append(name: String, fileName: String? = nil, contentType: String, content: [UInt8]) {
        var head = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(Self.quoted(name))\""
        if let fileName { head += "; filename=\"\(Self.quoted(fileName))\"" }
        head += "\r\nContent-Type: \(contentType.filter { $0.isASCII && !$0.isNewline })\r\n\r\n"
        bytes += head.utf8
        bytes += content
        bytes += "\r\n".utf8
    }

    /// A parameter's value, escaped as browsers do it (WHATWG HTML, multipart form data).
    private static func quoted(_ value: String) -> String {
        var quoted = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": quoted += "%22"
            case "\r": quoted += "%0D"
            case "\n": quoted += "%0A"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted
    }
}
