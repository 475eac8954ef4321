public import BridgeCore
internal import Crypto

/// What the generic webhook needs to know.
public struct WebhookConfiguration: Sendable {
    /// The secret shared with the other side, as `whsec_` and base64 of 24 to 64 bytes; prefix and padding may be
    /// missing.
    public var secret: Secret
    /// Where answers are sent; nil: messages are recorded and nobody is answered.
    public var replyURL: String?

    /// A configuration.
    public init(secret: Secret, replyURL: String? = nil) {
        self.secret = secret
        self.replyURL = replyURL
    }

    /// What is wrong with the configuration, a line each, for whoever reads it from the environment.
    ///
    /// With a secret that is not base64 every webhook is refused.
    public var problems: [String] {
        var problems: [String] = []
        if key == nil {
            problems.append(
                "the secret must be base64 of 24 to 64 bytes, as from: echo whsec_$(openssl rand -base64 32)")
        }
        if let replyURL, !replyURL.hasPrefix("http://"), !replyURL.hasPrefix("https://") {
            problems.append("the reply URL must begin with http:// or https://")
        }
        return problems
    }

    /// The key that the secret stands for.
    ///
    /// "Between 24 bytes (192 bits) and 64 bytes (512 bits)" (Standard Webhooks, "Signature scheme").
    var key: [UInt8]? {
        let text = secret.value.hasPrefix("whsec_") ? secret.value.dropFirst(6) : secret.value[...]
        guard let key = Base64.decode(text), (24...64).contains(key.count) else { return nil }
        return key
    }
}
