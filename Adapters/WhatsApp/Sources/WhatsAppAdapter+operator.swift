public import BridgeCore
internal import HTTPCore
internal import JSON
internal import MetaGraph

extension WhatsAppAdapter: CredentialChecking {
    /// Asks what the number is called, by the token.
    public func credentialChecks() -> [CredentialCheck] {
        let fields = "verified_name,display_phone_number,quality_rating,throughput,webhook_configuration"
        return [
            CredentialCheck(
                name: "access token and number", request: api.get("/\(configuration.phoneNumberID)?fields=\(fields)"))
        ]
    }

    /// The number and the state that Meta reports of it.
    public func interpretCredentialCheck(
        _ response: OutboundResponse, of check: CredentialCheck
    ) -> CredentialFinding {
        switch api.reply(of: response) {
        case .success(let number):
            let name = number["verified_name"].string ?? "?"
            let display = number["display_phone_number"].string ?? configuration.phoneNumberID
            if number["quality_rating"].string == "RED" {
                return .warning("\(display) (\(name)): its quality rating is red, Meta may limit it")
            }
            return .good("\(display) (\(name))")
        case .failure(let failure) where failure.kind == .unauthorized:
            return .bad(
                "Meta refuses the token: \(failure); make one for a system user with whatsapp_business_messaging that does not expire"
            )
        case .failure(let failure) where failure.isTemporary:
            return .warning("Meta could not say: \(failure)")
        case .failure(let failure):
            return .bad("Meta refuses: \(failure); is WHATSAPP_PHONE_NUMBER_ID the number's id, not the number?")
        }
    }
}

extension WhatsAppAdapter: WebhookRegistering {
    /// Asks for the number's `webhook_configuration`.
    public func webhookQuery() -> OutboundRequest {
        api.get("/\(configuration.phoneNumberID)?fields=webhook_configuration")
    }

    /// The address that holds for the number: its own, else its account's, else the app's ("Webhook overrides").
    public func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration {
        switch api.reply(of: response) {
        case .success(let number):
            let places = number["webhook_configuration"]
            if let url = places["phone_number"].identifier { return .registered(url: url, remarks: []) }
            if let url = places["whatsapp_business_account"].identifier {
                return .registered(url: url, remarks: ["set for the whole WhatsApp Business account"])
            }
            if let url = places["application"].identifier {
                return .registered(url: url, remarks: ["set for the whole app"])
            }
            return .none
        case .failure(let failure):
            return .failed(failure)
        }
    }

    /// Sets the number's own address; Meta makes its handshake there before it answers.
    public func registerWebhook(at url: String) -> OutboundRequest {
        api.post("/\(configuration.phoneNumberID)", capacity: url.utf8.count) { json in
            json.objectField("webhook_configuration") { webhook in
                webhook.field("override_callback_uri", url)
                webhook.field("verify_token", configuration.verifyToken.value)
            }
        }
    }

    /// Takes the number's own address away; the app's holds again.
    public func removeWebhook() -> OutboundRequest? {
        api.post("/\(configuration.phoneNumberID)") { json in
            json.objectField("webhook_configuration") { $0.field("override_callback_uri", "") }
        }
    }

    /// Nil when Meta says `success`.
    public func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure? {
        switch api.reply(of: response) {
        case .success(let reply):
            reply["success"].bool == false ? DeliveryFailure(.refused, reason: "Meta says that it failed") : nil
        case .failure(let failure): failure
        }
    }
}

extension WhatsAppAdapter: Faking {
    /// A text message from an invented person, signed as Meta would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        var writer = JSONWriter()
        writer.object { root in
            root.field("object", "whatsapp_business_account")
            root.arrayField("entry") { entries in
                entries.object { entry in
                    entry.field("id", "100000000000000")
                    entry.arrayField("changes") { changes in
                        changes.object { change in
                            change.objectField("value") { value in
                                writeValue(text: text, number: number, at: now, to: &value)
                            }
                            change.field("field", "messages")
                        }
                    }
                }
            }
        }
        return WebhookRequest(
            target: "/webhooks/whatsapp",
            headers: [
                "Content-Type": "application/json", MetaWebhook.signatureField: webhook.signature(of: writer.bytes),
            ], body: writer.bytes)
    }

    private func writeValue(text: String, number: Int64, at now: Timestamp, to value: inout JSONWriter) {
        let person = "15550100042"
        value.field("messaging_product", "whatsapp")
        value.objectField("metadata") { metadata in
            metadata.field("display_phone_number", "15550100000")
            metadata.field("phone_number_id", configuration.phoneNumberID)
        }
        value.arrayField("contacts") { contacts in
            contacts.object { contact in
                contact.objectField("profile") { $0.field("name", "Simulated") }
                contact.field("wa_id", person)
            }
        }
        value.arrayField("messages") { messages in
            messages.object { message in
                message.field("from", person)
                message.field("id", "wamid.SIMULATED\(number)")
                message.field("timestamp", String(now.seconds))
                message.objectField("text") { $0.field("body", text) }
                message.field("type", "text")
            }
        }
    }

    /// Plays `/{number}/messages`, `/{number}/media`, `/{number}` and `/{media}`.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard api.isAuthorized(request) else {
            return FakeAnswer([.refused("the token is wrong")], fakeFault(.unauthorized, to: request))
        }
        let path = GraphFake.path(of: request)
        switch (request.method, path) {
        case (.post, "/\(configuration.phoneNumberID)/messages"):
            return fakeMessage(request, number: number)
        case (.post, "/\(configuration.phoneNumberID)/media"):
            return FakeAnswer([.other("media")], GraphFake.answer { $0.field("id", "9\(number)") })
        case (.post, "/\(configuration.phoneNumberID)"):
            return FakeAnswer([.other("webhook")], GraphFake.answer { $0.field("success", true) })
        case (.get, "/\(configuration.phoneNumberID)"):
            return FakeAnswer(
                [.other("number")],
                GraphFake.answer { json in
                    json.field("verified_name", "Fake")
                    json.field("display_phone_number", "+1 555-010-0000")
                    json.field("id", configuration.phoneNumberID)
                })
        default:
            return nil
        }
    }

    private func fakeMessage(_ request: FakeRequest, number: Int64) -> FakeAnswer {
        func refuse(_ code: Int64, _ details: String) -> FakeAnswer {
            FakeAnswer(
                [.refused(details)],
                GraphFake.error(.badRequest, code: code, "(#\(code)) Invalid parameter", details: details))
        }
        guard let json = try? JSONView(parsing: request.body), json["messaging_product"].string == "whatsapp" else {
            return refuse(100, "The parameter messaging_product is required.")
        }
        if json["status"].string == "read" {
            guard let message = json["message_id"].identifier else { return refuse(131_009, "message_id is missing") }
            return FakeAnswer([.typing(conversation: message)], GraphFake.answer { $0.field("success", true) })
        }
        guard let recipient = json["to"].identifier ?? json["recipient"].identifier else {
            return refuse(131_008, "The parameter to is required.")
        }
        let type = json["type"].string ?? "text"
        let id = "wamid.FAKE\(number)"
        let action: FakeAnswer.Action
        if type == "text" {
            guard let text = json["text"]["body"].string, !text.isEmpty else {
                return refuse(131_008, "text.body is required.")
            }
            guard text.utf16.count <= 4096 else {
                return refuse(131_009, "Param text['body'] must be at most 4096 characters long.")
            }
            action = .message(conversation: recipient, id: id, text: text)
        } else {
            let media = json[type]
            guard media["link"].exists || media["id"].exists else { return refuse(131_008, "The media is missing.") }
            action = .attachment(conversation: recipient, id: id, kind: type)
        }
        return FakeAnswer(
            [action],
            GraphFake.answer { answer in
                answer.field("messaging_product", "whatsapp")
                answer.arrayField("contacts") { contacts in
                    contacts.object { contact in
                        contact.field("input", recipient)
                        contact.field("wa_id", recipient)
                    }
                }
                answer.arrayField("messages") { messages in messages.object { $0.field("id", id) } }
            })
    }

    /// Graph's errors for each fault; WhatsApp has no formatting to refuse.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            GraphFake.error(
                .tooManyRequests, code: 130_429, "(#130429) Rate limit hit",
                headers: ["Retry-After": String(delay.components.seconds)])
        case .serverError:
            GraphFake.error(.serviceUnavailable, code: 131_016, "(#131016) Service unavailable")
        case .unauthorized:
            GraphFake.error(.unauthorized, code: 190, "Authentication Error")
        case .blocked:
            GraphFake.error(.forbidden, code: 131_050, "(#131050) User has stopped messages")
        case .gone, .formattingRefused:
            GraphFake.error(.badRequest, code: 131_026, "(#131026) Message undeliverable")
        }
    }
}
