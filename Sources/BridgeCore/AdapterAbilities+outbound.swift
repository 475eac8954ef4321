internal import HTTPCore

/// A platform whose API takes access tokens that expire.
///
/// The engine asks for a token before the first request, renews it when four fifths of its time are over, once more when a
/// request is refused as unauthorized, and never by two requests at a time.
public protocol TokenRefreshing: Adapter {
    /// The token of the configuration, for platforms where somebody issues the first one by hand; else nil.
    var initialToken: AccessToken? { get }

    /// The token that was kept on disk.
    ///
    /// - Parameter stored: what ``AccessToken/stored`` held last.
    func token(from stored: String) -> AccessToken?

    /// The request for a new token.
    ///
    /// - Parameter stored: what the last token left to keep (a refresh token that works once); nil when there is none.
    func tokenRequest(stored: String?, at now: Timestamp) -> OutboundRequest

    /// What the answer to ``tokenRequest(stored:at:)`` holds.
    func interpretToken(_ response: OutboundResponse, stored: String?, at now: Timestamp) -> TokenOutcome

    /// True when a response says that the token is not good (any more); the same request is then made with a new one, once.
    func isTokenRefused(_ response: OutboundResponse) -> Bool

    /// Puts the token into a request.
    func authorize(_ request: inout OutboundRequest, with token: Secret)
}

extension TokenRefreshing {
    /// None.
    public var initialToken: AccessToken? { nil }
    /// None: the platform issues a new one whenever it is asked.
    public func token(from stored: String) -> AccessToken? { nil }
    /// HTTP 401.
    public func isTokenRefused(_ response: OutboundResponse) -> Bool { response.status.code == 401 }
}

/// A token for a platform's API.
public struct AccessToken: Sendable {
    /// The token.
    public var value: Secret
    /// When it ends; nil where nobody knows.
    public var expiresAt: Timestamp?
    /// What must survive a crash for there to be a next token; the engine has it on disk before it uses this one.
    public var stored: Secret?

    /// A token.
    public init(value: Secret, expiresAt: Timestamp?, stored: Secret? = nil) {
        self.value = value
        self.expiresAt = expiresAt
        self.stored = stored
    }
}

/// What a request for a token came to.
public enum TokenOutcome: Sendable {
    /// A token.
    case token(AccessToken)
    /// None; a temporary failure is tried again, any other is told to the operator.
    case failed(DeliveryFailure)
}

/// A platform to which bytes are brought before a message can show them.
public protocol AttachmentUploading: Adapter {
    /// The next step on the way of an attachment whose bytes are here.
    ///
    /// - Parameters:
    ///   - attachment: its source is `.bytes`.
    ///   - action: the message that is to show it.
    ///   - responses: what the steps before were answered, in order; empty at first.
    func upload(
        _ attachment: OutboundAttachment, for action: OutboundAction, after responses: [OutboundResponse],
        at now: Timestamp
    ) -> UploadStep
}

/// A step of bringing bytes to a platform.
public enum UploadStep: Sendable {
    /// Send this and ask again.
    case request(OutboundRequest)
    /// They are there: encode the message with `.uploaded` of this reference.
    case uploaded(String)
    /// They are there, and the message with them.
    case sent(PlatformMessageID?)
    /// It failed; a link or a word takes the attachment's place.
    case failed(DeliveryFailure)
}

/// A platform whose attachments are fetched by its API; the engine asks when the agent looks at pictures, and when copies are kept.
public protocol MediaFetching: Adapter {
    /// The next step on the way to an attachment's bytes.
    ///
    /// - Parameter responses: what the steps before were answered, in order; empty at first.
    func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep
}

/// A step of fetching an attachment.
public enum MediaStep: Sendable {
    /// Send this and ask again.
    case request(OutboundRequest)
    /// The last response's body is it.
    ///
    /// - Parameter contentType: what it is; nil: what the response says.
    case content(contentType: String?)
    /// The platform is not ready with it: ask again from the start, later.
    case notYet(reason: String)
    /// It cannot be had.
    case unavailable(reason: String)
}

/// A platform that can be asked whether a message is there whose answer was lost; the engine asks before it sends it again.
///
/// For platforms with ``Capabilities/hasIdempotentSends`` whose memory of what was sent does not survive their own restart.
public protocol DeliveryChecking: Adapter {
    /// The request that looks for the message of an action; nil where it cannot be told, and then it is sent again.
    func deliveryCheck(of action: OutboundAction) -> OutboundRequest?

    /// What was found: nil when the message is not there.
    func interpretDeliveryCheck(_ response: OutboundResponse, of action: OutboundAction) -> DeliveryResult?
}
