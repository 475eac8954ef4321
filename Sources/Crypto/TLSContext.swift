import COpenSSL

// Unchecked: the context is set up in `init` and only read later; OpenSSL counts its sessions atomically.
/// What a TLS client trusts; made once and shared by its sessions.
///
/// TLS 1.2 is the least that is spoken (RFC 8996 retired what came before).
public final class TLSContext: @unchecked Sendable {
    /// Whose signature makes a server's certificate trusted.
    public enum Trust: Sendable, Hashable {
        /// The certificate authorities of the system (OpenSSL's default paths, or `SSL_CERT_FILE` and `SSL_CERT_DIR`).
        case system
        /// The certificate authorities in a PEM file, and no others.
        case file(String)
        /// Anybody: the stream is encrypted, but whoever sits in between can read it. For tests.
        case insecure
    }

    /// Whose signature makes a server's certificate trusted.
    public let trust: Trust

    let pointer: OpaquePointer

    /// Creates a context.
    ///
    /// - Throws: `TLSError` (`configuration`) when the certificates cannot be read.
    public init(trust: Trust = .system) throws(TLSError) {
        self.trust = trust
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(TLS_client_method()) else {
            throw TLSError.last(.configuration, doing: "making a TLS context")
        }
        self.pointer = pointer
        // These calls are macros over SSL_CTX_ctrl in C, which Swift does not see.
        guard SSL_CTX_ctrl(pointer, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1 else {
            throw TLSError.last(.configuration, doing: "asking for TLS 1.2")
        }
        _ = SSL_CTX_ctrl(pointer, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
        _ = SSL_CTX_set_options(pointer, 1 << 30)  // SSL_OP_NO_RENEGOTIATION, a macro with arguments
        switch trust {
        case .system:
            guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
                throw TLSError.last(.configuration, doing: "reading the system's certificates")
            }
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        case .file(let path):
            guard SSL_CTX_load_verify_locations(pointer, path, nil) == 1 else {
                throw TLSError.last(.configuration, doing: "reading the certificates in \(path)")
            }
            SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        case .insecure:
            SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
        }
    }

    deinit {
        SSL_CTX_free(pointer)
    }
}
