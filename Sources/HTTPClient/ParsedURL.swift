internal import CCurl

/// A URL taken apart once: curl parses a URL given as text anew for each transfer, and writes it out again to normalize it.
///
/// curl does not copy it while it is set on a handle, nor change it.
final class ParsedURL {
    /// `CURLU *`, to be set as `CURLOPT_CURLU`.
    let handle: OpaquePointer
    /// True for `https`.
    let isEncrypted: Bool
    /// The server behind it, as far as the client tells servers apart.
    var origin: Origin?

    /// Takes a URL apart.
    ///
    /// - Throws: ``HTTPClientError`` with the code `badURL`, or `unsupportedProtocol` for a scheme that curl does not know.
    init(_ text: String) throws(HTTPClientError) {
        // A C string ends at NUL, so that a URL with one would silently be another.
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), let handle = curl_url() else {
            throw HTTPClientError(curl: CURLE_URL_MALFORMAT, wasSent: false, hasAnswer: false)
        }
        self.handle = handle
        isEncrypted = text.utf8.prefix(6).elementsEqual("https:".utf8) { $0 | 0x20 == $1 | 0x20 }
        switch curl_url_set(handle, CURLUPART_URL, text, 0) {
        case CURLUE_OK:
            return
        case CURLUE_UNSUPPORTED_SCHEME:
            throw HTTPClientError(curl: CURLE_UNSUPPORTED_PROTOCOL, wasSent: false, hasAnswer: false)
        default:
            throw HTTPClientError(curl: CURLE_URL_MALFORMAT, wasSent: false, hasAnswer: false)
        }
    }

    /// Scheme, host and port, in one form for all ways to write them.
    var originName: String {
        var name = isEncrypted ? "https" : "http"
        for (part, flags) in [(CURLUPART_HOST, 0), (CURLUPART_PORT, CURLU_DEFAULT_PORT)] {
            var text: UnsafeMutablePointer<CChar>?
            guard curl_url_get(handle, part, &text, UInt32(flags)) == CURLUE_OK, let text else { continue }
            name += " " + String(cString: text).lowercased()
            curl_free(text)
        }
        return name
    }

    deinit {
        curl_url_cleanup(handle)
    }
}
