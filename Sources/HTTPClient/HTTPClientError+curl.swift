internal import CCurl

extension HTTPClientError {
    /// What curl's code of a finished transfer means.
    ///
    /// `CURLE_UNSUPPORTED_PROTOCOL` is also what curl calls an answer without a status line (HTTP/0.9).
    ///
    /// - Parameters:
    ///   - wasSent: true when bytes of the request left us.
    ///   - hasAnswer: true when bytes of an answer came.
    init(curl code: CURLcode, wasSent: Bool, hasAnswer: Bool) {
        let words = String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_UNSUPPORTED_PROTOCOL where !wasSent:
            self.init(
                code: .unsupportedProtocol, mayHaveBeenProcessed: false, message: "only http and https are spoken")
        case CURLE_URL_MALFORMAT:
            self.init(code: .badURL, mayHaveBeenProcessed: false, message: "the URL is malformed")
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            self.init(code: .dns, mayHaveBeenProcessed: wasSent, message: words)
        case CURLE_COULDNT_CONNECT:
            // Sent already, when a connection that was used before had ended without an answer: curl then starts anew,
            // and meets a server that has just gone.
            self.init(code: .connect, mayHaveBeenProcessed: wasSent, message: words)
        case CURLE_OPERATION_TIMEDOUT:
            // The other limits are watched by the client's own timer; curl is told of this one only.
            self.init(
                code: .timeout(.connect), mayHaveBeenProcessed: wasSent,
                message: "no connection within the time allowed")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_NOTFOUND,
            CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            self.init(code: .tls, mayHaveBeenProcessed: wasSent, message: words)
        // Aborted: by the transfer itself, which must not be sent a second time.
        case CURLE_ABORTED_BY_CALLBACK, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE,
            CURLE_HTTP2, CURLE_HTTP2_STREAM:
            self.init(
                code: .connectionCut(insideAnswer: hasAnswer), mayHaveBeenProcessed: wasSent,
                message: hasAnswer
                    ? "the connection ended inside the answer" : "the connection ended before an answer came")
        case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_UNSUPPORTED_PROTOCOL:
            self.init(code: .malformedAnswer, mayHaveBeenProcessed: wasSent, message: words)
        case CURLE_TOO_MANY_REDIRECTS:
            self.init(code: .tooManyRedirects, mayHaveBeenProcessed: wasSent, message: words)
        default:
            self.init(code: .other(Int(code.rawValue)), mayHaveBeenProcessed: wasSent, message: words)
        }
    }

    /// The error of a limit that ran out.
    init(timeout: Timeout, wasSent: Bool) {
        let message =
            switch timeout {
            case .connect: "no connection within the time allowed"
            case .firstByte: "no answer began within the time allowed"
            case .idle: "the answer fell silent for longer than allowed"
            case .total: "the answer did not end within the time allowed"
            }
        self.init(code: .timeout(timeout), mayHaveBeenProcessed: wasSent, message: message)
    }
}
