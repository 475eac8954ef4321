public import BridgeCore
internal import HTTPCore
internal import JSON

extension TwilioAdapter: WebhookRegistering {
    /// What messages come by, which decides where their webhook is set.
    private enum Entry {
        case number, service, whatsApp

        init(sender: String) {
            self = sender.hasPrefix("MG") ? .service : sender.hasPrefix("whatsapp:") ? .whatsApp : .number
        }

        /// The list in which an answer names it.
        var list: String? {
            switch self {
            case .number: "incoming_phone_numbers"
            case .service: nil
            case .whatsApp: "senders"
            }
        }
    }

    private var entry: Entry { Entry(sender: configuration.sender) }

    /// Asks for the number, the Messaging Service, or the WhatsApp senders.
    public func webhookQuery() -> OutboundRequest {
        let sender = configuration.sender
        return switch entry {
        case .number:
            get("\(accountURL)/IncomingPhoneNumbers.json?PhoneNumber=\(HTTPPercentEncoding.encode(sender))")
        case .service: get("\(messagingBase)/v1/Services/\(sender)")
        case .whatsApp: get("\(messagingBase)/v2/Channels/Senders?Channel=whatsapp&PageSize=100")
        }
    }

    /// Where messages to the sender go.
    public func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration {
        switch find(in: response) {
        case .failure(let failure): .failed(failure)
        case .success(let found):
            if let url = url(of: found) { .registered(url: url, remarks: []) } else { .none }
        }
    }

    private func url(of found: JSONView) -> String? {
        switch entry {
        case .number: found["sms_url"].identifier
        case .service: found["inbound_request_url"].identifier
        case .whatsApp: found["webhook"]["callback_url"].identifier
        }
    }

    /// The sender in an answer to ``webhookQuery()``.
    private func find(in response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        reply(of: response).flatMap { reply in
            guard let list = entry.list, reply[list].kind == .array else { return .success(reply) }
            let found =
                entry == .whatsApp
                ? reply[list].elements.first { $0["sender_id"].string == configuration.sender }
                : reply[list].elements.first { _ in true }
            guard let found else {
                return .failure(DeliveryFailure(.gone, reason: "the account has no sender \(configuration.sender)"))
            }
            return .success(found)
        }
    }

    /// Sets the address of a service; a number or a sender is looked for first, since its SID is needed.
    public func registerWebhook(at url: String) -> OutboundRequest {
        entry == .service ? setService(url) : webhookQuery()
    }

    /// Takes the address away; messages are then only kept by Twilio.
    public func removeWebhook() -> OutboundRequest? {
        entry == .service ? setService("") : webhookQuery()
    }

    private func setService(_ url: String) -> OutboundRequest {
        // Else each number of the service keeps an address of its own.
        post(
            "\(messagingBase)/v1/Services/\(configuration.sender)",
            [("InboundRequestUrl", url), ("InboundMethod", "POST"), ("UseInboundWebhookOnNumber", "false")])
    }

    /// Nil when Twilio took it, or named the sender that was looked for.
    public func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure? {
        switch find(in: response) {
        case .success: nil
        case .failure(let failure): failure
        }
    }

    /// Sets the address of the number or sender that was found.
    public func nextRegistration(of url: String?, after responses: [OutboundResponse]) -> OutboundRequest? {
        guard entry != .service, responses.count == 1, let answer = responses.first,
            case .success(let found) = find(in: answer), let sid = found["sid"].identifier
        else { return nil }
        if entry == .number {
            return post(
                "\(accountURL)/IncomingPhoneNumbers/\(sid).json", [("SmsUrl", url ?? ""), ("SmsMethod", "POST")])
        }
        var writer = JSONWriter()
        writer.object { json in
            json.objectField("webhook") { webhook in
                webhook.field("callback_url", url ?? "")
                webhook.field("callback_method", "POST")
            }
        }
        return OutboundRequest(
            url: "\(messagingBase)/v2/Channels/Senders/\(sid)",
            headers: ["Authorization": authorization, "Content-Type": "application/json"], body: writer.bytes)
    }
}
