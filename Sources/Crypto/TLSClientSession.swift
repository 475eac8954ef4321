import COpenSSL

/// The client's side of one TLS stream, without a socket: bytes in, bytes out.
///
/// Its owner moves the bytes: it sends what ``takeOutgoing()`` returns, feeds what arrives to `receive(_:)`, and reads
/// and writes the plain text in between. Call ``takeOutgoing()`` after every other call, after one that threw too: it holds
/// the alert that tells the server why. The session belongs to one owner and is not `Sendable`.
///
/// ```swift
/// let session = try TLSClientSession(serverName: "redis.example", context: context)
/// try session.write(command)              // kept until the handshake is done
/// socket.send(session.takeOutgoing())
/// …
/// try session.receive(arrived)
/// socket.send(session.takeOutgoing())
/// parser.feed(try session.read())
/// ```
public final class TLSClientSession {
    /// How far the stream is.
    public enum State: Sendable, Hashable {
        /// Certificates and keys are being exchanged; nothing is readable.
        case handshaking
        /// The server is who it should be, and plain text flows.
        case open
        /// The server said that it sends no more (close_notify). If the socket ends in any other state, the stream was cut
        /// off, perhaps by an attacker.
        case closed
        /// The session threw and is of no use but for ``TLSClientSession/takeOutgoing()``.
        case failed
    }

    /// How far the stream is.
    public private(set) var state: State = .handshaking

    private let ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    /// Plain text that was written before the handshake was done.
    private var waiting: [UInt8] = []
    private var isClosing = false
    // Keeps what the session trusts; OpenSSL counts it as well.
    private let context: TLSContext

    /// Starts a session; the first flight of the handshake is ready to be taken.
    ///
    /// - Parameters:
    ///   - serverName: A host name or an IP address, which the server's certificate must name unless `context` trusts anybody.
    ///   - context: What to trust.
    /// - Throws: `TLSError` (`configuration`) when that cannot be a server's name.
    public init(serverName: String, context: TLSContext) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = SSL_new(context.pointer) else {
            throw TLSError.last(.configuration, doing: "starting a session")
        }
        guard let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else {
            preconditionFailure("out of memory")
        }
        SSL_set_bio(ssl, incoming, outgoing)  // owns both from here on
        SSL_set_connect_state(ssl)
        self.ssl = ssl
        self.incoming = incoming
        self.outgoing = outgoing
        self.context = context
        try name(serverName)
        try advance()
    }

    deinit {
        SSL_free(ssl)
    }

    /// Takes bytes that came from the server; the handshake goes on by itself.
    ///
    /// - Throws: `TLSError`: `verification` when the server's certificate is refused, `protocol` when the handshake is broken.
    public func receive(_ ciphertext: UnsafeRawBufferPointer) throws(TLSError) {
        guard state == .handshaking || state == .open else {
            throw TLSError(reason: .closed, message: "the session is over")
        }
        var rest = ciphertext
        while let start = rest.baseAddress, !rest.isEmpty {
            let taken = BIO_write(incoming, start, Int32(clamping: rest.count))
            precondition(taken > 0, "out of memory")
            rest = UnsafeRawBufferPointer(rebasing: rest[Int(taken)...])
        }
        if state == .handshaking { try advance() }
    }

    /// Takes bytes that came from the server, as ``receive(_:)-(UnsafeRawBufferPointer)`` does.
    public func receive(_ ciphertext: [UInt8]) throws(TLSError) {
        let result = ciphertext.withUnsafeBytes { bytes -> Result<Void, TLSError> in
            Result { () throws(TLSError) in try receive(bytes) }
        }
        try result.get()
    }

    /// Returns the plain text that can be read by now; empty when there is none yet, or no more (see ``state``).
    ///
    /// - Throws: `TLSError` (`protocol`) when the stream is damaged, or the server sent an alert.
    public func read() throws(TLSError) -> [UInt8] {
        var plaintext: [UInt8] = []
        while state == .open {
            // A record holds at most 2^14 bytes of plain text (RFC 8446, section 5.1).
            let status: Result<Bool, TLSError> = withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 1) {
                buffer in
                ERR_clear_error()
                let count = SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
                if count > 0 {
                    plaintext.append(contentsOf: buffer[..<Int(count)])
                    return .success(true)
                }
                return Result { () throws(TLSError) in try judge(count, doing: "reading") }.map { false }
            }
            if try !status.get() { break }
        }
        return plaintext
    }

    /// Encrypts plain text for the server; before the handshake is done, keeps it until then.
    ///
    /// - Throws: `TLSError` (`closed`) when the session failed or was closed from either side.
    public func write(_ plaintext: [UInt8]) throws(TLSError) {
        switch state {
        case .handshaking where !isClosing: waiting.append(contentsOf: plaintext)
        case .open where !isClosing: try encrypt(plaintext)
        default: throw TLSError(reason: .closed, message: "the session is over")
        }
    }

    /// Returns the bytes to send to the server next, in order, each once.
    public func takeOutgoing() -> [UInt8] {
        let pending = BIO_ctrl_pending(outgoing)
        guard pending > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: pending) { output, count in
            count = max(0, Int(BIO_read(outgoing, output.baseAddress, Int32(clamping: pending))))
        }
    }

    /// Says to the server that we send no more (close_notify); what it still sends can be read.
    public func close() {
        isClosing = true
        guard state == .open else { return }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
    }

    private func name(_ serverName: String) throws(TLSError) {
        guard !serverName.isEmpty, !serverName.utf8.contains(0) else {
            throw TLSError(reason: .configuration, message: "the server's name is empty or holds a NUL")
        }
        // An address goes into the check but not into the handshake, where only names belong (RFC 6066, section 3).
        if X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 { return }
        ERR_clear_error()
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        var copy = Array(serverName.utf8CString)
        guard SSL_set1_host(ssl, serverName) == 1,
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &copy) == 1
        else { throw TLSError.last(.configuration, doing: "naming the server") }
    }

    private func advance() throws(TLSError) {
        ERR_clear_error()
        let status = SSL_do_handshake(ssl)
        guard status == 1 else { return try judge(status, doing: "handshake") }
        state = .open
        guard !waiting.isEmpty else { return }
        let plaintext = waiting
        waiting = []
        try encrypt(plaintext)
    }

    private func encrypt(_ plaintext: [UInt8]) throws(TLSError) {
        guard !plaintext.isEmpty else { return }
        ERR_clear_error()
        var written = 0
        // The outgoing side is memory, so all is taken in one call.
        let status = SSL_write_ex(ssl, plaintext, plaintext.count, &written)
        guard status == 1 else { return try judge(status, doing: "writing") }
        precondition(written == plaintext.count, "a memory BIO takes everything")
    }

    private func judge(_ status: Int32, doing what: String) throws(TLSError) {
        switch SSL_get_error(ssl, status) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE:
            return
        case SSL_ERROR_ZERO_RETURN:
            state = .closed
        default:
            let wasOpen = state == .open
            state = .failed
            let verdict = SSL_get_verify_result(ssl)
            if !wasOpen, context.trust != .insecure, verdict != X509_V_OK {
                ERR_clear_error()
                let text = X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "certificate refused"
                throw TLSError(reason: .verification, message: text)
            }
            throw TLSError.last(.protocol, doing: what)
        }
    }
}
