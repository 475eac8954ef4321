package import BridgeCore
internal import Crypto
internal import HTTPCore
package import JSON

/// How Meta proves that a webhook is its own, and how it asks whether an address is ours.
///
/// The same for WhatsApp, Messenger and Instagram ("Webhooks from Meta", Getting Started): a GET handshake with the
/// verify token, and POSTs signed by the app's secret. No time is signed, so a repeated body is told by its ids alone.
package struct MetaWebhook: Sendable {
    /// Holds `sha256=` and 64 hexadecimal digits.
    package static let signatureField = "X-Hub-Signature-256"

    private let key: [UInt8]
    private let verifyToken: String

    /// The webhooks of one app.
    ///
    /// An empty secret or token matches nothing: every request is refused then.
    package init(appSecret: Secret, verifyToken: Secret) {
        key = Array(appSecret.value.utf8)
        self.verifyToken = verifyToken.value
    }

    /// What a request turns out to be.
    package enum Request {
        /// The handshake, with the answer to it.
        case handshake(Acknowledgement)
        /// Verified news: an object with an `entry`.
        case payload(JSONView)
    }

    /// Verifies a request.
    package func open(_ request: WebhookRequest) throws(WebhookRejection) -> Request {
        switch request.method {
        case .get: return .handshake(try handshake(request))
        case .post: return .payload(try payload(of: request))
        default: throw WebhookRejection(.methodNotAllowed, "Meta sends its webhooks by POST and its handshake by GET")
        }
    }

    /// The header value that signs a body.
    package func signature(of body: [UInt8]) -> String {
        "sha256=" + Hex.encode(HMACSHA256.authenticationCode(for: body, key: key))
    }

    private func handshake(_ request: WebhookRequest) throws(WebhookRejection) -> Acknowledgement {
        var fields: [String: String] = [:]
        for (name, value) in request.query where fields[name] == nil { fields[name] = value }
        guard fields["hub.mode"] == "subscribe", let token = fields["hub.verify_token"],
            let challenge = fields["hub.challenge"]
        else {
            throw WebhookRejection(
                .malformed, "the handshake needs hub.mode=subscribe, hub.verify_token and hub.challenge")
        }
        guard !verifyToken.isEmpty, constantTimeEquals(token, verifyToken) else {
            throw WebhookRejection(.forbidden, "the verify token is wrong: set the same one in the app's dashboard")
        }
        return Acknowledgement(contentType: "text/plain", body: Array(challenge.utf8))
    }

    private func payload(of request: WebhookRequest) throws(WebhookRejection) -> JSONView {
        guard let given = request.headers[Self.signatureField] else {
            throw WebhookRejection(.unauthorized, "the header \(Self.signatureField) is missing")
        }
        // Over the bytes as they came: Meta escapes what is not ASCII, and any other way of writing it signs otherwise.
        guard !key.isEmpty, constantTimeEquals(given, signature(of: request.body)) else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check the app secret")
        }
        let root: JSONView
        do {
            root = try JSONView(parsing: request.body)
        } catch {
            throw WebhookRejection(.malformed, error.description)
        }
        guard root.kind == .object, root["object"].string != nil || root["entry"].kind == .array else {
            throw WebhookRejection(.malformed, "the body has neither an object nor an entry")
        }
        return root
    }
}
