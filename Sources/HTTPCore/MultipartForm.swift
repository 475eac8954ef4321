/// A body of the type `multipart/form-data` (RFC 7578): fields, and files among them.
public struct MultipartForm: Sendable {
    private let boundary: String
    private var parts: [UInt8] = []

    /// A form without parts.
    ///
    /// - Parameter boundary: must stand in no part's content; one that holds a random identifier never does.
    public init(boundary: String) {
        self.boundary = boundary
    }

    /// The media type that goes with the body.
    public var contentType: String { "multipart/form-data; boundary=\(boundary)" }

    /// The whole body.
    public var body: [UInt8] { parts + Array("--\(boundary)--\r\n".utf8) }

    /// Adds a field.
    public mutating func append(_ name: String, _ value: String) {
        append(name, Array(value.utf8), fileName: nil, contentType: nil)
    }

    /// Adds a part of any type; a file where it has a file's name.
    public mutating func append(_ name: String, _ content: [UInt8], fileName: String?, contentType: String?) {
        var head = "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(Self.quoted(name))\""
        if let fileName { head += "; filename=\"\(Self.quoted(fileName))\"" }
        if let contentType {
            head += "\r\nContent-Type: " + contentType.filter { $0.isASCII && !$0.isNewline && $0 != "\u{0}" }
        }
        parts.reserveCapacity(parts.count + head.utf8.count + content.count + 8)
        parts += head.utf8
        parts += [0x0D, 0x0A, 0x0D, 0x0A]
        parts += content
        parts += [0x0D, 0x0A]
    }

    /// A name, escaped as browsers do it (WHATWG HTML, "Multipart form data").
    private static func quoted(_ name: String) -> String {
        var quoted = ""
        for scalar in name.unicodeScalars {
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
