public import BridgeCore
internal import HTTPCore
internal import JSON

extension TwilioAdapter: MediaFetching {
    /// Asks Twilio with our credentials, and follows where it points to without them.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        guard let last = responses.last else {
            guard let url = attachment.url else { return .unavailable(reason: "the attachment has no address") }
            return step(to: url, mayBearCredentials: true)
        }
        if (300..<400).contains(last.status.code) {
            guard let next = last.headers["Location"] else { return .unavailable(reason: "the attachment is nowhere") }
            return step(to: next, mayBearCredentials: false)
        }
        guard last.status.isSuccess else { return .unavailable(reason: "HTTP \(last.status.code) for the attachment") }
        return .content(contentType: attachment.contentType)
    }

    /// Asks one of Twilio's own hosts; the API's alone gets our credentials.
    private func step(to url: String, mayBearCredentials: Bool) -> MediaStep {
        let apis = [configuration.apiBase, "https://api.twilio.com"].compactMap { WebOrigin($0) }
        let isAPI = WebOrigin(url).map { apis.contains($0) } ?? false
        let headers: HTTPFields = isAPI && mayBearCredentials ? ["Authorization": authorization] : [:]
        let isInBucket = Self.buckets.contains { url.hasPrefix($0) }
        let domains = isInBucket ? ["amazonaws.com"] : ["twilio.com", "twiliocdn.com"]
        guard
            let request = OutboundRequest.fetching(url, at: domains, or: [configuration.apiBase], headers: headers)
        else { return .unavailable(reason: "the attachment is not at Twilio") }
        return .request(request)
    }

    /// Where Twilio's media were before they had a host of their own, and some still are; anybody may have a bucket there.
    private static let buckets = [
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/", "https://s3.amazonaws.com/media.twiliocdn.com/",
    ]
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
