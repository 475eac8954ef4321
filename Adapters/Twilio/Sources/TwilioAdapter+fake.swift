public import BridgeCore
internal import HTTPCore
internal import JSON

extension TwilioAdapter: Faking {
    private static let person = "+15550100042"

    /// A message from an invented person, signed as Twilio would sign it.
    public func simulateWebhook(text: String, number: Int64, at now: Timestamp) -> WebhookRequest {
        let digits = String(number)
        let sid = "SM" + String(repeating: "0", count: max(0, 32 - digits.count)) + digits
        let isWhatsApp = configuration.sender.hasPrefix("whatsapp:")
        let own = configuration.sender.hasPrefix("MG") ? "+15550100000" : configuration.sender
        var fields = [
            ("MessageSid", sid), ("SmsMessageSid", sid), ("SmsSid", sid), ("SmsStatus", "received"),
            ("AccountSid", configuration.accountSID), ("From", (isWhatsApp ? "whatsapp:" : "") + Self.person),
            ("To", own), ("Body", text), ("NumMedia", "0"), ("NumSegments", "1"), ("ApiVersion", "2010-04-01"),
        ]
        if isWhatsApp { fields += [("ProfileName", "Simulated"), ("WaId", String(Self.person.dropFirst()))] }
        let target = "/webhooks/\(platform)"
        var headers: HTTPFields = ["Content-Type": "application/x-www-form-urlencoded"]
        if configuration.publicURL == nil {
            headers.append("X-Forwarded-Proto", "https")
            headers.append("X-Forwarded-Host", "simulated.invalid")
        }
        let base = configuration.publicURL ?? "https://simulated.invalid"
        headers.append(
            TwilioSignature.field, signature.sign(base + target, TwilioForm(fields.map { (name: $0.0, value: $0.1) })))
        return WebhookRequest(target: target, headers: headers, body: post("", fields).body)
    }

    /// Plays the Messages resource, the typing indicator, and what the trial of the credentials asks.
    public func fakeAnswer(to request: FakeRequest, number: Int64, at now: Timestamp) -> FakeAnswer? {
        guard request.headers["Authorization"] == authorization else {
            return FakeAnswer([.refused("the credentials are wrong")], fakeFault(.unauthorized, to: request))
        }
        let account = "/2010-04-01/Accounts/\(configuration.accountSID)"
        switch (request.method, String(request.path)) {
        case (.post, "\(account)/Messages.json"):
            return fakeMessage(TwilioForm(request.body), number: number)
        case (.post, "/v3/Indicators/Typing.json"):
            let message = (try? JSONView(parsing: request.body))?["messageId"].identifier ?? ""
            return FakeAnswer([.typing(conversation: message)], answer(200) { $0.field("success", true) })
        case (.get, "\(account).json"):
            return FakeAnswer(
                [.other("account")],
                answer(200) { json in
                    json.field("friendly_name", "Fake")
                    json.field("status", "active")
                    json.field("type", "Full")
                })
        case (.get, "\(account)/IncomingPhoneNumbers.json"):
            return FakeAnswer(
                [.other("number")],
                answer(200) { json in
                    json.arrayField("incoming_phone_numbers") { numbers in
                        numbers.object { number in
                            number.field("sid", Self.numberSID)
                            number.field("phone_number", configuration.sender)
                            number.field("sms_url", "https://demo.twilio.com/welcome/sms/reply")
                        }
                    }
                })
        case (.post, "\(account)/IncomingPhoneNumbers/\(Self.numberSID).json"):
            return FakeAnswer([.other("webhook")], answer(200) { $0.field("sid", Self.numberSID) })
        default:
            return nil
        }
    }

    private static let numberSID = "PN00000000000000000000000000000001"

    private func fakeMessage(_ form: TwilioForm, number: Int64) -> FakeAnswer {
        func refuse(_ code: Int64, _ words: String) -> FakeAnswer {
            FakeAnswer([.refused(words)], error(400, code: code, words))
        }
        guard let to = form["To"] else { return refuse(21_604, "A 'To' phone number is required.") }
        guard form["From"] != nil || form["MessagingServiceSid"] != nil else {
            return refuse(21_603, "A 'From' phone number is required.")
        }
        let body = form["Body"] ?? ""
        guard !body.isEmpty || form["MediaUrl"] != nil else { return refuse(21_602, "Message body is required.") }
        guard body.utf16.count <= 1600 else {
            return refuse(21_617, "The concatenated message body exceeds the 1600 character limit")
        }
        let digits = String(number)
        let sid = "SM" + String(repeating: "f", count: max(0, 32 - digits.count)) + digits
        let action: FakeAnswer.Action =
            form["MediaUrl"] == nil
            ? .message(conversation: to, id: sid, text: body)
            : .attachment(conversation: to, id: sid, kind: "media")
        return FakeAnswer(
            [action],
            answer(201) { json in
                json.field("sid", sid)
                json.field("account_sid", configuration.accountSID)
                json.field("to", to)
                json.field("from", form["From"])
                json.field("body", body)
                json.field("status", "queued")
                json.field("direction", "outbound-api")
                json.nullField("error_code")
                json.nullField("error_message")
                json.field("api_version", "2010-04-01")
            })
    }

    /// Twilio's errors for each fault; it has no formatting to refuse.
    public func fakeFault(_ fault: PlatformFault, to request: FakeRequest) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            error(
                429, code: 20_429, "Too Many Requests", headers: ["Retry-After": String(delay.components.seconds)])
        case .serverError: error(503, code: 20_503, "Service unavailable")
        case .unauthorized: error(401, code: 20_003, "Authenticate")
        case .blocked: error(400, code: 21_610, "Attempt to send to unsubscribed recipient")
        case .gone, .formattingRefused: error(400, code: 21_211, "Invalid 'To' Phone Number")
        }
    }

    private func error(_ status: Int, code: Int64, _ words: String, headers: HTTPFields = [:]) -> OutboundResponse {
        answer(status, headers: headers) { json in
            json.field("code", code)
            json.field("message", words)
            json.field("more_info", "https://www.twilio.com/docs/errors/\(code)")
            json.field("status", status)
        }
    }

    private func answer(
        _ status: Int, headers: HTTPFields = [:], _ write: (inout JSONWriter) -> Void
    ) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { write(&$0) }
        var headers = headers
        headers.append("Content-Type", "application/json")
        return OutboundResponse(status: HTTPStatus(status), headers: headers, body: writer.bytes)
    }
}
