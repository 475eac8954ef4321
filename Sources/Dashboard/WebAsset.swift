internal import HTTPCore

/// One static file with the fields that go with it.
struct WebAsset: Sendable {
    /// The path under which it is served.
    let path: String
    /// The media type.
    let contentType: String
    /// The content.
    let bytes: [UInt8]
    /// The fields of each response: what names this version, and what the browser may do with it.
    let headers: HTTPFields

    private let tag: String

    init(path: String, contentType: String, bytes: [UInt8]) {
        self.path = path
        self.contentType = contentType
        self.bytes = bytes
        tag = "\"\(String(WebAsset.hash(bytes), radix: 16))\""
        headers = [
            "ETag": tag,
            // Names stay the same when the content changes, so the browser asks each time, and mostly hears 304.
            "Cache-Control": "no-cache",
            // Nothing but our own files: no inline code, no other site, no frame around it, no text that becomes markup.
            "Content-Security-Policy":
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        ]
    }

    /// True when the value of an `If-None-Match` names this version (RFC 9110, section 13.1.2: weak comparison).
    func isNamed(in list: String) -> Bool {
        list.split(separator: ",").contains { entry in
            var entry = entry.drop { $0 == " " || $0 == "\t" }
            while let last = entry.last, last == " " || last == "\t" { entry.removeLast() }
            if entry.hasPrefix("W/") { entry.removeFirst(2) }
            return entry == "*" || entry == tag
        }
    }

    /// Names a version of a file; nobody gains by a collision, so that a fast hash (FNV-1a, 64 bits) is enough.
    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
