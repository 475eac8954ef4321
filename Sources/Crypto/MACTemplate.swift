import COpenSSL

/// A MAC context with its algorithm and digest fetched, to copy: fetching them for each call is slow in OpenSSL 3.
///
/// It has a key of no meaning, because not every 3.x release copies a context that has none.
// Unchecked: the context is only read (copied) after its making, and what it shares with its copies is counted atomically.
struct MACTemplate: @unchecked Sendable {
    let context: OpaquePointer

    static let hmacSHA256 = MACTemplate(digest: "SHA256")
    static let hmacSHA1 = MACTemplate(digest: "SHA1")

    private init(digest digestName: String) {
        // The parameter keeps both pointers, so they must outlive the call that makes it.
        var name = Array("digest".utf8CString)
        var digest = Array(digestName.utf8CString)
        let ready = name.withUnsafeMutableBufferPointer { name in
            digest.withUnsafeMutableBufferPointer { digest -> OpaquePointer? in
                let parameters = [
                    OSSL_PARAM_construct_utf8_string(name.baseAddress, digest.baseAddress, 0),
                    OSSL_PARAM_construct_end(),
                ]
                guard let algorithm = EVP_MAC_fetch(nil, "HMAC", nil), let context = EVP_MAC_CTX_new(algorithm),
                    EVP_MAC_init(context, [0], 1, parameters) == 1
                else { return nil }
                EVP_MAC_free(algorithm)
                return context
            }
        }
        guard let ready else { preconditionFailure("OpenSSL has no HMAC with \(digestName)") }
        context = ready
    }
}
