internal import CCurl

/// A URL taken apart once: curl parses a URL given as text anew for each transfer, and writes it out again to normalize it.
///
/// curl does not copy it while it is set on a handle, nor change it.
final class ParsedURL {
    /// `CURLU *`, to be set as `CURLOPT_CURLU`.
    let handle: OpaquePointer
    /// True for `https`.
    let isEncrypted: Bool

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

    deinit {
        curl_url_cleanup(handle)
    }
}

/// The URLs that were used lately: a bridge sends to a few, again and again.
struct ParsedURLs {
    /// Kept at the most; when there are more, all are forgotten, which costs each one parse.
    private static let limit = 256

    private var known: [String: ParsedURL] = [:]

    /// The URL of this text.
    mutating func parsed(_ text: String) throws(HTTPClientError) -> ParsedURL {
        if let url = known[text] { return url }
        let url = try ParsedURL(text)
        if known.count >= ParsedURLs.limit { known = [:] }
        known[text] = url
        return url
    }
}
