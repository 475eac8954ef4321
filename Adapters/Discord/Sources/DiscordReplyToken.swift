internal import BridgeCore
internal import JSON

/// The right to answer an interaction: application and token name a webhook that is good for 15 minutes
/// ("Receiving and responding", followup messages).
struct DiscordReplyToken {
    private enum Key {
        static let application = "application"
        static let token = "token"
        static let isGateway = "gateway"
    }

    /// The application's id.
    let application: String
    /// The token.
    let token: String
    /// Whether the interaction came through the Gateway, where the answer may overtake its acknowledgement.
    var isFromGateway = false

    /// The right that came with an interaction.
    init?(_ interaction: JSONView) {
        guard let application = interaction["application_id"].identifier, let token = interaction["token"].identifier
        else { return nil }
        self.application = application
        self.token = token
    }

    /// The right in an event's context.
    init?(_ context: [String: String]) {
        guard let application = context[Key.application], let token = context[Key.token] else { return nil }
        self.application = application
        self.token = token
        isFromGateway = context[Key.isGateway] != nil
    }

    /// What the engine keeps of it.
    var replyContext: [String: String] {
        var context = [Key.application: application, Key.token: token]
        if isFromGateway { context[Key.isGateway] = "true" }
        return context
    }
}
