public import HTTPCore

/// One HTTP request: what to send, how long to wait and how much of an answer to take.
public struct HTTPClientRequest: Sendable {
    /// How long the parts of a transfer may take; nil means without limit.
    public struct Timeouts: Sendable, Equatable {
        /// Until the connection stands: name look-up, TCP and TLS.
        public var connect: Duration?
        /// From the start of the transfer, connecting and sending included, until the first byte of the answer.
        public var firstByte: Duration?
        /// The longest silence inside the answer; a reader that holds a stream back does not count as silence.
        public var idle: Duration?
        /// From the start of the transfer until the last byte of the answer.
        public var total: Duration?

        /// These limits; the defaults suit a short call to a platform's API, a long answer wants its own.
        public init(
            connect: Duration? = .seconds(10), firstByte: Duration? = .seconds(30), idle: Duration? = .seconds(30),
            total: Duration? = .seconds(60)
        ) {
            self.connect = connect
            self.firstByte = firstByte
            self.idle = idle
            self.total = total
        }
    }

    /// The method; `GET` unless given.
    public var method: HTTPMethod
    /// An absolute `http` or `https` URL.
    public var url: String
    /// The header fields besides `Host` and `Content-Length`, which are made from the URL and the body.
    public var headers: HTTPFields
    /// The content; may be empty.
    public var body: [UInt8]
    /// How long the parts of the transfer may take.
    public var timeouts: Timeouts
    /// The most bytes of content to take, after decoding; a longer answer ends in ``HTTPClientError/Code/tooLarge``.
    public var maxResponseBytes: Int
    /// Redirects that are followed before the answer counts; 0 hands the redirect itself to the caller.
    public var maxRedirects: Int
    /// True asks for a compressed answer (`Accept-Encoding`) and decodes it; costs more CPU than it saves near by.
    public var acceptsCompressed: Bool
    /// False for what must not be done twice: the request is not sent again when a pooled connection ends without an answer.
    ///
    /// Holds for `http`; over `https` the server may refuse a request unread, and then it is sent again.
    public var isRepeatable: Bool
    /// True for a URL that somebody outside has chosen: it is refused at addresses of this machine and of private networks.
    ///
    /// Looked at is the address that is connected to, after the name was looked up. Redirects are handed to the caller, whatever
    /// ``maxRedirects`` says. ``HTTPClientConfiguration/allowsPrivateAddresses`` lifts the refusal.
    public var isUntrustedAddress: Bool
    /// How the request is signed for Amazon's services and their like; nil: not at all.
    public var signature: AWSSignature?

    /// A request of these parts; at most 8 MiB of answer is taken unless told otherwise.
    public init(
        method: HTTPMethod = .get, url: String, headers: HTTPFields = HTTPFields(), body: [UInt8] = [],
        timeouts: Timeouts = Timeouts(), maxResponseBytes: Int = 8 << 20, maxRedirects: Int = 0,
        acceptsCompressed: Bool = false, isRepeatable: Bool = true, isUntrustedAddress: Bool = false,
        signature: AWSSignature? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeouts = timeouts
        self.maxResponseBytes = maxResponseBytes
        self.maxRedirects = maxRedirects
        self.acceptsCompressed = acceptsCompressed
        self.isRepeatable = isRepeatable
        self.isUntrustedAddress = isUntrustedAddress
        self.signature = signature
    }
}
