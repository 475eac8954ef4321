internal import CCurl
internal import EventLoop
internal import Glibc
internal import HTTPCore

/// One of curl's easy handles with all that a transfer in it needs; used again by the next transfer.
///
/// Confined to the client's loop.
final class Transfer: @unchecked Sendable {
    // Unchecked: cancellation handlers on other threads carry the reference and nothing else.

    /// What is to become of the answer.
    enum Purpose {
        case idle
        case collect(UnsafeContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>)
        case stream(BodySource)
        /// A connection for a protocol of somebody else's; no request is sent.
        case connect(UnsafeContinuation<Result<Void, HTTPClientError>, Never>)
        /// That connection stands and is used past curl's transfers.
        case connected
    }

    let handle: UnsafeMutableRawPointer
    unowned let pool: TransferPool
    /// Where it runs, while it does.
    var multi: CurlMulti?
    /// The origin that it is counted for, while it runs.
    var origin: Origin?
    var purpose = Purpose.idle
    /// The place in the client's list of all handles.
    var index = 0
    /// Goes up with each use of the handle, so that a late cancellation cannot hit the next transfer.
    var generation = 0

    // The request, as far as curl reads it while the transfer runs or the next one may share it.
    private let share: CurlShare
    let headerList = HeaderList()
    var content: UnsafeMutableRawBufferPointer
    var settings = Settings()
    var limit = 0

    /// Bytes that curl reads at a time, for each transfer from its start to its end: curl's own choice, and less where there are
    /// hundreds of them, of which most only wait.
    ///
    /// The least that curl takes is 1 KiB, and so much needs no search in malloc(3) either.
    private static let bufferSizes: [(transfers: Int, bytes: Int)] = [(64, 16_384), (256, 4096), (.max, 1024)]

    // The answer.
    var status = 0
    var head: [UInt8] = []
    /// True when the empty line after the latest head came; curl takes a head that is cut off for a whole one.
    var isHeadWhole = false
    /// True when that head is the one that the caller is to see.
    var isHeadComplete = false
    var followsRedirects = false
    var isRepeatable = true
    var body: [UInt8] = []
    var received = 0
    /// Why a callback stopped the transfer; curl itself reports such a stop as a write error.
    var failure: HTTPClientError.Code?

    /// True where addresses that are not of the Internet are not connected to.
    var refusesPrivateAddresses = false
    /// True when one was met.
    var hasRefusedAddress = false

    var clock = TransferClock()
    var timer: LoopTimer?
    var timerIsSetFor = UInt64.max

    /// What the handle is set to already, so that only differences are set.
    struct Settings {
        enum Verb { case get, head, post }
        var url: ParsedURL?
        var verb: Verb?
        var customMethod: String?
        var contentSize = -2
        var connectTimeout: Int?
        var isEncrypted: Bool?
        var maxRedirects = 0
        var bufferSize = 0
        var acceptsCompressed = false
        var signature: AWSSignature?
    }

    /// A handle with its lasting options set.
    ///
    /// - Throws: when curl is out of memory or lacks an option that safety needs.
    init(pool: TransferPool) throws(HTTPClientError) {
        guard let handle = curl_easy_init() else {
            throw HTTPClientError(code: .other(27), mayHaveBeenProcessed: false, message: "no memory for a transfer")
        }
        self.handle = handle
        self.pool = pool
        share = pool.share
        content = .allocate(byteCount: 256, alignment: 1)
        let code = setUp(pool.configuration)
        guard code == CURLE_OK else {
            throw HTTPClientError(curl: code, wasSent: false, hasAnswer: false)
        }
    }

    deinit {
        curl_easy_cleanup(handle)
        content.deallocate()
    }

    private func setUp(_ configuration: HTTPClientConfiguration) -> CURLcode {
        let this = Unmanaged.passUnretained(self).toOpaque()
        let codes = [
            cb_easy_set_pointer(handle, CURLOPT_SHARE, share.handle),
            cb_easy_set_http_only(handle),
            cb_easy_set_long(handle, CURLOPT_NOSIGNAL, 1),
            // A TLS record's worth (RFC 8446, section 5.1), and the least that curl takes; it holds it until the answer is there.
            cb_easy_set_long(handle, CURLOPT_UPLOAD_BUFFERSIZE, 16_384),
            cb_easy_set_pointer(handle, CURLOPT_PRIVATE, this),
            cb_easy_set_data_function(handle, CURLOPT_WRITEFUNCTION, CurlCallbacks.body),
            cb_easy_set_pointer(handle, CURLOPT_WRITEDATA, this),
            cb_easy_set_data_function(handle, CURLOPT_HEADERFUNCTION, CurlCallbacks.header),
            cb_easy_set_pointer(handle, CURLOPT_HEADERDATA, this),
            cb_easy_set_prereq_function(handle, CurlCallbacks.beforeRequest),
            cb_easy_set_pointer(handle, CURLOPT_PREREQDATA, this),
            cb_easy_set_open_socket_function(handle, CurlCallbacks.openSocket),
            cb_easy_set_pointer(handle, CURLOPT_OPENSOCKETDATA, this),
            cb_easy_set_close_socket_function(handle, CurlCallbacks.closeSocket),
            cb_easy_set_pointer(handle, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(pool).toOpaque()),
            cb_easy_set_long(handle, CURLOPT_TCP_NODELAY, 1),
            cb_easy_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1),
            cb_easy_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1),
            cb_easy_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2),
            cb_easy_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            // The empty string turns the environment's proxies off.
            cb_easy_set_string(handle, CURLOPT_PROXY, configuration.proxy ?? ""),
            // Then the environment need not be asked for exceptions, with each transfer.
            cb_easy_set_string(handle, CURLOPT_NOPROXY, configuration.proxy == nil ? "" : nil),
            cb_easy_set_string(handle, CURLOPT_USERAGENT, configuration.userAgent),
        ]
        if let failed = codes.first(where: { $0 != CURLE_OK }) { return failed }
        // Setting nil would take away curl's built-in default of the system's certificates.
        guard let file = configuration.trustedCertificatesFile else { return CURLE_OK }
        let code = cb_easy_set_string(handle, CURLOPT_CAINFO, file)
        return code == CURLE_OK ? cb_easy_set_string(handle, CURLOPT_CAPATH, nil) : code
    }

    /// Makes the transfer end when the connection stands, through a proxy as without one.
    func prepareConnectOnly() throws(HTTPClientError) {
        let codes = [
            cb_easy_set_long(handle, CURLOPT_CONNECT_ONLY, 1),
            cb_easy_set_long(handle, CURLOPT_HTTPPROXYTUNNEL, 1),
            // TLS then offers HTTP/1.1 alone: on HTTP/2 the bytes would not be ours.
            cb_easy_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
        ]
        if let failed = codes.first(where: { $0 != CURLE_OK }) {
            throw HTTPClientError(curl: failed, wasSent: false, hasAnswer: false)
        }
    }

    /// Sets what differs between this request and the last one of the handle.
    func prepare(_ request: HTTPClientRequest, to url: ParsedURL) throws(HTTPClientError) {
        try prepareTarget(url, request)
        try prepareContent(request)
        limit = request.maxResponseBytes
        clock.set(request.timeouts)
        // Whoever asked for the address would choose the next one, too.
        let maxRedirects = request.isUntrustedAddress ? 0 : request.maxRedirects
        followsRedirects = maxRedirects > 0
        isRepeatable = request.isRepeatable
        if maxRedirects != settings.maxRedirects {
            settings.maxRedirects = maxRedirects
            _ = cb_easy_set_long(handle, CURLOPT_FOLLOWLOCATION, maxRedirects > 0 ? 1 : 0)
            _ = cb_easy_set_long(handle, CURLOPT_MAXREDIRS, maxRedirects)
        }
        refusesPrivateAddresses = request.isUntrustedAddress && !pool.configuration.allowsPrivateAddresses
        hasRefusedAddress = false
        if request.acceptsCompressed != settings.acceptsCompressed {
            settings.acceptsCompressed = request.acceptsCompressed
            // The empty string stands for all encodings that this curl knows.
            _ = cb_easy_set_string(handle, CURLOPT_ACCEPT_ENCODING, request.acceptsCompressed ? "" : nil)
        }
        if request.signature !== settings.signature { try prepareSignature(request.signature) }
        prepareBuffer()
        status = 0
        isHeadComplete = false
        isHeadWhole = false
        received = 0
        failure = nil
    }

    private func prepareSignature(_ signature: AWSSignature?) throws(HTTPClientError) {
        // Not kept as set until all of it is: what failed in the middle is set anew.
        settings.signature = nil
        var codes = [
            cb_easy_set_string(handle, CURLOPT_AWS_SIGV4, signature?.provider),
            cb_easy_set_string(handle, CURLOPT_USERNAME, signature?.accessKeyID),
            cb_easy_set_string(handle, CURLOPT_PASSWORD, signature?.secretAccessKey),
        ]
        // Setting the provider chose this way to authenticate; taking it away does not choose another.
        if signature == nil { codes.append(cb_easy_set_long(handle, CURLOPT_HTTPAUTH, cb_auth_basic)) }
        if let failed = codes.first(where: { $0 != CURLE_OK }) {
            throw HTTPClientError(curl: failed, wasSent: false, hasAnswer: false)
        }
        settings.signature = signature
    }

    private func prepareBuffer() {
        let running = pool.running
        let size = Transfer.bufferSizes.first { running < $0.transfers }?.bytes ?? 1024
        guard size != settings.bufferSize else { return }
        settings.bufferSize = size
        _ = cb_easy_set_long(handle, CURLOPT_BUFFERSIZE, size)
    }

    private func prepareTarget(_ url: ParsedURL, _ request: HTTPClientRequest) throws(HTTPClientError) {
        if settings.url !== url {
            guard cb_easy_set_pointer(handle, CURLOPT_CURLU, UnsafeMutableRawPointer(url.handle)) == CURLE_OK else {
                throw HTTPClientError(curl: CURLE_URL_MALFORMAT, wasSent: false, hasAnswer: false)
            }
            settings.url = url
            if url.isEncrypted != settings.isEncrypted {
                settings.isEncrypted = url.isEncrypted
                // Not HTTP/2 without TLS: curl 7.88 cannot use such a connection a second time.
                _ = cb_easy_set_long(
                    handle, CURLOPT_HTTP_VERSION,
                    Int(url.isEncrypted ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
            }
        }
        // Zero would be curl's default of 300 s; without a limit of ours it is as good as any.
        let connect = request.timeouts.connect.map { max(1, $0.milliseconds) } ?? 0
        if connect != settings.connectTimeout {
            settings.connectTimeout = connect
            _ = cb_easy_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, connect)
        }
    }

    private func prepareContent(_ request: HTTPClientRequest) throws(HTTPClientError) {
        let method = request.method
        let carriesContent = !request.body.isEmpty || method == .post || method == .put || method == .patch
        let verb: Settings.Verb = method == .head ? .head : carriesContent ? .post : .get
        if verb != settings.verb {
            settings.verb = verb
            switch verb {
            case .get: _ = cb_easy_set_long(handle, CURLOPT_HTTPGET, 1)
            case .head: _ = cb_easy_set_long(handle, CURLOPT_NOBODY, 1)
            case .post: _ = cb_easy_set_long(handle, CURLOPT_POST, 1)
            }
        }
        let custom: String? =
            switch verb {
            case .get: method == .get ? nil : method.rawValue
            case .head: nil
            case .post: method == .post ? nil : method.rawValue
            }
        if custom != settings.customMethod {
            guard custom?.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) ?? true, custom != "" else {
                throw HTTPClientError(
                    code: .badRequest, mayHaveBeenProcessed: false, message: "the method is not a token")
            }
            settings.customMethod = custom
            _ = cb_easy_set_string(handle, CURLOPT_CUSTOMREQUEST, custom)
        }
        if verb == .post { keepContent(request.body) }
        let list = headerList.write(
            request.headers, contentSize: verb == .post ? request.body.count : nil, isSigned: request.signature != nil)
        guard let list else {
            throw HTTPClientError(
                code: .badRequest, mayHaveBeenProcessed: false, message: "a header field holds forbidden bytes")
        }
        _ = cb_easy_set_list(handle, CURLOPT_HTTPHEADER, list)
    }

    /// Gives back the room of a content that is larger than most; a handle may rest for long.
    func shedContent() {
        guard content.count > 1 << 20 else { return }
        content.deallocate()
        content = .allocate(byteCount: 256, alignment: 1)
        settings.contentSize = -2
    }

    /// Copies the content to where it stays until the transfer ends: curl reads it in place.
    private func keepContent(_ bytes: [UInt8]) {
        if content.count < bytes.count || (content.count > 64 << 10 && bytes.count < 4096) {
            content.deallocate()
            content = .allocate(byteCount: (max(bytes.count, 1) + 255) & ~255, alignment: 1)
            settings.contentSize = -2
        }
        bytes.withUnsafeBytes { content.copyMemory(from: $0) }
        if settings.contentSize == -2 {
            _ = cb_easy_set_pointer(handle, CURLOPT_POSTFIELDS, content.baseAddress)
        }
        if settings.contentSize != bytes.count {
            settings.contentSize = bytes.count
            _ = cb_easy_set_off(handle, CURLOPT_POSTFIELDSIZE_LARGE, bytes.count)
        }
    }

    /// False where curl is about to send a request again that must not be sent twice.
    ///
    /// When a connection that was used before ends without an answer, curl takes it for one that had been closed meanwhile and
    /// starts anew; but the server may have read the request. Over TLS it is let: a connection of HTTP/2 that ends in good
    /// order refuses its last streams unread (RFC 9113, section 6.8), which looks the same from here.
    var maySendNow: Bool {
        isRepeatable || settings.isEncrypted == true || followsRedirects || !wasSent
    }

    /// True when bytes of the request left us.
    var wasSent: Bool {
        var size = 0
        return cb_easy_get_long(handle, CURLINFO_REQUEST_SIZE, &size) != CURLE_OK || size > 0
    }
}
