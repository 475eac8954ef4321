public import HTTPCore

/// A platform at which webhooks are registered by an API; called by `chatbridge webhooks` and `doctor` alone.
public protocol WebhookRegistering: Adapter {
    /// Asks which webhook is registered.
    func webhookQuery() -> OutboundRequest

    /// What the answer to ``webhookQuery()`` says.
    func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration

    /// Registers `url`, which ends in `/webhooks/{platform}`, with the secret of the configuration.
    func registerWebhook(at url: String) -> OutboundRequest

    /// Takes the registration back; nil where the platform has no such call.
    func removeWebhook() -> OutboundRequest?

    /// Why registering or removing failed; nil when it worked.
    func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure?

    /// The request that follows when those before were answered so, where one does not do; nil: that was the last.
    ///
    /// - Parameters:
    ///   - url: what is registered; nil: the registration is taken back.
    ///   - responses: in order, each one that ``interpretRegistration(_:)`` finds no fault with.
    func nextRegistration(of url: String?, after responses: [OutboundResponse]) -> OutboundRequest?
}

extension WebhookRegistering {
    /// None: one request does.
    public func nextRegistration(of url: String?, after responses: [OutboundResponse]) -> OutboundRequest? { nil }
}

/// What a platform says of the webhook registered with it.
public enum WebhookRegistration: Sendable, Equatable {
    /// It goes to this URL; and what else the platform says of it, a line each, as `3 updates wait`.
    case registered(url: String, remarks: [String])
    /// There is none.
    case none
    /// It could not be found out.
    case failed(DeliveryFailure)
}

/// A platform whose API can be played by ourselves, for tests without the platform: `chatbridge fake` and the test suites.
///
/// The fake is exact in what it asks of a request (token, path, body) and in the shape of its answers. It keeps no state: who
/// runs it (`BridgeTesting.FakePlatform`) numbers the messages and decides about faults.
public protocol Faking: Simulating {
    /// Answers a request as the platform's API would; nil: it has no such method (404).
    ///
    /// - Parameter number: of this request; ids of messages are made of it.
    func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer?

    /// What the platform answers when it fails so.
    func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse
}

/// A request to a fake of a platform's API.
public struct FakeRequest: Sendable {
    /// The method.
    public var method: HTTPMethod
    /// Path and query, as they follow `X_API_BASE`.
    public var target: String
    /// The header fields.
    public var headers: HTTPFields
    /// The body.
    public var body: [UInt8]

    /// A request.
    public init(method: HTTPMethod, target: String, headers: HTTPFields, body: [UInt8]) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// The path without its query.
    public var path: Substring { target.prefix { $0 != "?" } }
}

/// What a fake answers, and what it understood.
public struct FakeAnswer: Sendable {
    /// What a request asked the platform to do.
    public enum Action: Sendable, Equatable {
        /// A message went to a conversation; the text as the user would see it, markup included.
        case message(conversation: String, id: String, text: String)
        /// An earlier message has another text.
        case edit(conversation: String, id: String, text: String)
        /// The typing indicator was shown.
        case typing(conversation: String)
        /// A picture, sound, film or file was sent.
        case attachment(conversation: String, id: String, kind: String)
        /// Anything else, as `token` or `webhook`.
        case other(String)
        /// Refused: what was wrong with the request.
        case refused(String)
    }

    /// What was understood; several where one request carries several messages.
    public var actions: [Action]
    /// The platform's answer.
    public var response: OutboundResponse

    /// An answer to a request that did these things.
    public init(_ actions: [Action], _ response: OutboundResponse) {
        self.actions = actions
        self.response = response
    }
}

/// A way in which a platform's API fails.
public enum PlatformFault: Sendable, Equatable {
    /// Too many requests: try again after so long.
    case rateLimited(after: Duration)
    /// It passes: 500, 502, 503.
    case serverError
    /// Our token is wrong.
    case unauthorized
    /// The user does not want to hear from us.
    case blocked
    /// The conversation is not there.
    case gone
    /// The formatting is not understood; platforms that never refuse it answer `gone` instead.
    case formattingRefused
}
