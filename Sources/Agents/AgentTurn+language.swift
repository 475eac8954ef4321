import BridgeCore

extension AgentTurn {
    /// The user's language as the platform tells it (a BCP 47 tag, as in `de` or `pt-BR`), where it does.
    var language: String? {
        if let locale = event.sender?.locale, !locale.isEmpty { return locale }
        for name in ["language", "language_code", "locale"] {
            if case .string(let tag) = event.metadata[name], !tag.isEmpty { return tag }
        }
        return nil
    }
}
