public import BridgeCore
internal import HTTPCore
internal import JSON

extension TwilioAdapter: MediaFetching {
    /// Asks Twilio with our credentials, and follows where it points to without them.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let last = responses.last else {
            guard let url = attachment.url, url.hasPrefix("https://") || url.hasPrefix("http://") else {
                return .unavailable(reason: "the attachment has no address")
            }
            return .request(isOurs(url) ? get(url) : OutboundRequest(method: .get, url: url))
        }
        if (300..<400).contains(last.status.code) {
            guard let next = last.headers["Location"], next.hasPrefix("https://") || next.hasPrefix("http://") else {
                return .unavailable(reason: "the attachment is nowhere")
            }
            return .request(OutboundRequest(method: .get, url: next))
        }
        guard last.status.isSuccess else { return .unavailable(reason: "HTTP \(last.status.code) for the attachment") }
        return .content(contentType: attachment.contentType)
    }

    /// Whether a URL is at the API's own host, which alone gets our credentials.
    private func isOurs(_ url: String) -> Bool {
        [configuration.apiBase, "https://api.twilio.com"].contains { base in
            guard url.hasPrefix(base) else { return false }
            return url.dropFirst(base.count).first.map { $0 == "/" } ?? false
        }
    }
}

extension TwilioAdapter: CredentialChecking {
    private static let accountCheck = "account and auth token"
    private static let senderCheck = "sender"

    /// Asks for the account, and for the number or service that messages are from.
    public func credentialChecks() -> [CredentialCheck] {
        let account = CredentialCheck(name: Self.accountCheck, request: get("\(accountURL).json"))
        return [account] + (senderRequest.map { [CredentialCheck(name: Self.senderCheck, request: $0)] } ?? [])
    }

    /// Nil for WhatsApp, whose senders this API does not list.
    private var senderRequest: OutboundRequest? {
        let sender = configuration.sender
        if sender.hasPrefix("MG") { return get("\(messagingBase)/v1/Services/\(sender)") }
        guard sender.hasPrefix("+") else { return nil }
        return get("\(accountURL)/IncomingPhoneNumbers.json?PhoneNumber=\(HTTPPercentEncoding.encode(sender))")
    }

    /// What the account is called, and where the sender's messages go.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch reply(of: response) {
        case .success(let reply) where check.name == Self.accountCheck:
            let name = reply["friendly_name"].string ?? configuration.accountSID
            if let status = reply["status"].string, status != "active" {
                return .bad("\(name): the account is \(status)")
            }
            return reply["type"].string == "Trial"
                ? .warning("\(name): a trial account sends to verified numbers alone") : .good(name)
        case .success(let reply):
            return sender(reply)
        case .failure(let failure) where failure.isTemporary:
            return .warning("Twilio could not say: \(failure)")
        case .failure(let failure) where failure.kind == .unauthorized && check.name == Self.accountCheck:
            return .bad("Twilio refuses: \(failure); copy Account SID and Auth Token again from the console")
        case .failure(let failure):
            return .bad("Twilio does not know \(configuration.sender): \(failure)")
        }
    }

    private func sender(_ reply: JSONView) -> CredentialFinding {
        let isService = configuration.sender.hasPrefix("MG")
        let entry = isService ? reply : reply["incoming_phone_numbers"][0]
        guard entry.exists else { return .bad("the account has no number \(configuration.sender)") }
        let url = entry[isService ? "inbound_request_url" : "sms_url"].identifier
        guard let url else {
            return .warning("\(configuration.sender): no webhook is set, messages come nowhere")
        }
        return .good("\(configuration.sender), messages go to \(url)")
    }
}
