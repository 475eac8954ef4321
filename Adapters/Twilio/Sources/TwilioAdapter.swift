public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

/// Twilio: SMS, MMS and WhatsApp by one account; webhooks in, the Messages resource out.
public struct TwilioAdapter: Adapter {
    /// The name in `/webhooks/twilio`.
    public let platform = PlatformName("twilio")

    /// Twilio's limits.
    ///
    /// A body has at most 1,600 characters ("Messages resource", error 21617), taken as UTF-16 units; Twilio cuts it into
    /// segments of 160 GSM-7 or 70 UCS-2 characters itself. It queues what exceeds a number's own rate (a long code sends one
    /// segment a second); messages to one person are kept to one a second here so that they arrive in order. WhatsApp takes 50
    /// a second. What is sent by WhatsApp must come within 24 hours of the person's last message (error 63016); SMS has no
    /// such rule. The typing indicator (WhatsApp alone) ends after 25 seconds.
    public let capabilities: Capabilities

    let configuration: TwilioConfiguration
    let signature: TwilioSignature
    let authorization: String

    /// An adapter for one account.
    public init(configuration: TwilioConfiguration) {
        self.configuration = configuration
        signature = TwilioSignature(authToken: configuration.authToken, publicURL: configuration.publicURL)
        let pair = "\(configuration.accountSID):\(configuration.authToken.value)"
        authorization = "Basic " + Base64.encode(Array(pair.utf8))
        let isWhatsApp = configuration.sender.hasPrefix("whatsapp:")
        capabilities = Capabilities(
            textLimit: .init(1600, .utf16), countedText: { TwilioAdapter.longest($0, $1) },
            typingInterval: .seconds(24),
            rates: .init(
                conversation: .init(burst: 3, interval: .seconds(1)),
                overall: .init(burst: 10, interval: .milliseconds(20))),
            replies: .init(push: isWhatsApp ? .within(.seconds(86_400)) : .always),
            attachmentsByURL: [.image, .audio, .video, .file])
    }

    /// Checks the signature and reads a message or news of one, from a POST or a GET.
    ///
    /// The answer is an empty TwiML document: our own answers go by the API, which names them and takes as long as it takes.
    public func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        let digest = {
            let content = request.method == .get ? Array(request.target.utf8) : request.body
            return Hex.encode(Array(SHA256.digest(of: content).prefix(12)))
        }
        let form: TwilioForm
        switch request.method {
        case .get:
            try signature.verify(request, form: nil)
            form = TwilioForm(request.query)
        case .post where isJSON(request):
            try signature.verify(request, form: nil)
            guard let root = try? JSONView(parsing: request.body), let events = reader.events(of: root, digest: digest)
            else { throw WebhookRejection(.malformed, "the body is no event in JSON") }
            return WebhookOutcome(events: events)
        case .post:
            form = TwilioForm(request.body)
            try signature.verify(request, form: form)
        default:
            throw WebhookRejection(.methodNotAllowed, "Twilio sends its webhooks by POST or GET")
        }
        guard let event = reader.event(of: form, digest: digest) else {
            throw WebhookRejection(.malformed, "the form holds neither a message nor news of one")
        }
        return WebhookOutcome(Self.emptyAnswer, events: [event])
    }

    private static let emptyAnswer = Acknowledgement(
        contentType: "text/xml", body: Array(#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#.utf8))

    private var reader: TwilioEventReader { TwilioEventReader(sender: configuration.sender) }

    /// JSON is signed by its digest in the address; a form by its parameters.
    private func isJSON(_ request: WebhookRequest) -> Bool {
        if request.headers["Content-Type"]?.lowercased().hasPrefix("application/x-www-form-urlencoded") == true {
            return false
        }
        return request.query.contains { $0.name == TwilioSignature.bodyDigest }
    }
}
