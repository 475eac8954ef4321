internal import CCurl

/// What the handles of one client have in common across multi handles: looked-up names and TLS sessions.
///
/// Each transfer holds it, since curl keeps a share that is in use. Used on one loop only, so curl needs no locks.
final class CurlShare {
    /// `CURLSH *`, to be set as `CURLOPT_SHARE`.
    let handle: UnsafeMutableRawPointer

    init() throws(HTTPClientError) {
        guard let handle = curl_share_init() else {
            throw HTTPClientError(code: .other(27), mayHaveBeenProcessed: false, message: "no memory for a client")
        }
        self.handle = handle
        cb_share_add(handle, CURL_LOCK_DATA_DNS)
        cb_share_add(handle, CURL_LOCK_DATA_SSL_SESSION)
    }

    deinit {
        curl_share_cleanup(handle)
    }
}
