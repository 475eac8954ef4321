public import BridgeCore
internal import HTTPCore
internal import JSON
internal import Markdown

extension TwilioAdapter {
    /// `POST …/Messages.json` for texts and files; the typing indicator for WhatsApp alone.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        let address = address(of: action)
        let isWhatsApp = address.hasPrefix("whatsapp:")
        switch action.kind {
        case .send(let text, let format):
            let dialect = isWhatsApp ? MarkdownDialect.whatsApp : .plain
            return message(for: action, [("Body", format == .markdown ? dialect.render(text) : text)])
        case .sendAttachment(let attachment, let caption):
            guard case .url(let url) = attachment.source else { return nil }
            return message(for: action, caption.map { [("Body", $0), ("MediaUrl", url)] } ?? [("MediaUrl", url)])
        case .typing:
            guard isWhatsApp, let message = action.replyTo else { return nil }
            return typing(at: message)
        case .edit, .acknowledgeButton, .sendBatch, .join:
            return nil
        }
    }

    /// The longer of what SMS and WhatsApp show of a text: the number alone says which of them it is.
    static func longest(_ text: String, _ format: OutboundAction.Format) -> String {
        guard format == .markdown else { return text }
        let texts = [MarkdownDialect.plain.render(text), MarkdownDialect.whatsApp.render(text)]
        return texts.max { $0.utf16.count < $1.utf16.count } ?? text
    }

    /// The other side's address: the one that they wrote from, else the conversation itself.
    private func address(of action: OutboundAction) -> String {
        action.replyContext[ReplyContextKey.address] ?? action.place.conversation.rawValue
    }

    private func message(for action: OutboundAction, _ content: [(String, String)]) -> OutboundRequest {
        let to = address(of: action)
        var fields = [("To", to)] + sender(to: to, as: action.place.account) + content
        if let publicURL = configuration.publicURL {
            fields.append(("StatusCallback", "\(publicURL)/webhooks/\(platform)"))
        }
        return post("\(accountURL)/Messages.json", fields)
    }

    /// Who it is from: the number that the person wrote to, on the same channel; else the configured one.
    private func sender(to address: String, as account: AccountName) -> [(String, String)] {
        let channel = address.split(separator: ":").dropLast().first.map { "\($0):" } ?? ""
        let own = account.rawValue
        let isOwnAddress =
            own != AccountName.default.rawValue && own.hasPrefix(channel)
            && (!channel.isEmpty || !own.contains(":"))
        let configured = configuration.sender
        // A service keeps to the number that a person knows by itself, and lends its rate and its opt-outs.
        if configured.hasPrefix("MG"), channel.isEmpty || !isOwnAddress {
            return [("MessagingServiceSid", configured)]
        }
        if isOwnAddress { return [("From", own)] }
        return [("From", channel.isEmpty || configured.hasPrefix(channel) ? configured : channel + configured)]
    }

    /// The typing indicator, which marks the message as read.
    private func typing(at message: PlatformMessageID) -> OutboundRequest {
        var writer = JSONWriter()
        writer.object { json in
            json.field("channel", "WHATSAPP")
            json.field("messageId", message.rawValue)
        }
        return OutboundRequest(
            url: "\(messagingBase)/v3/Indicators/Typing.json",
            headers: ["Authorization": authorization, "Content-Type": "application/json"], body: writer.bytes)
    }

    /// Where the newer APIs are: a host of their own, unless the API was moved.
    var messagingBase: String {
        configuration.apiBase == TwilioConfiguration.defaultAPIBase
            ? "https://messaging.twilio.com" : configuration.apiBase
    }

    var accountURL: String { "\(configuration.apiBase)/2010-04-01/Accounts/\(configuration.accountSID)" }

    func get(_ url: String) -> OutboundRequest {
        OutboundRequest(method: .get, url: url, headers: ["Authorization": authorization])
    }

    func post(_ url: String, _ fields: [(String, String)]) -> OutboundRequest {
        let body = fields.map { "\($0.0)=\(HTTPPercentEncoding.encode($0.1))" }.joined(separator: "&")
        return OutboundRequest(
            url: url,
            headers: ["Authorization": authorization, "Content-Type": "application/x-www-form-urlencoded"],
            body: Array(body.utf8))
    }

    /// What the API's answer means: a message's `sid`, or an error with a code.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        switch reply(of: response) {
        case .failure(let failure):
            return .failed(failure)
        case .success(let reply):
            if let sid = reply["sid"].identifier {
                // Taken, and given up at once.
                if let code = reply["error_code"].int ?? reply["error_code"].string.flatMap({ Int64($0) }) {
                    let words = reply["error_message"].string ?? TwilioErrorCode.words(of: String(code)) ?? "failed"
                    return .failed(
                        DeliveryFailure(
                            TwilioErrorCode.meaning(of: code) ?? .refused, reason: "(\(code)) \(redacted(words))"))
                }
                return .delivered(PlatformMessageID(sid))
            }
            if case .typing = action.kind { return .delivered(nil) }
            return .failed(DeliveryFailure(.uncertain, reason: "the answer names no message"))
        }
    }

    /// The object that an answer holds, or why there is none.
    func reply(of response: OutboundResponse) -> Result<JSONView, DeliveryFailure> {
        let status = response.status.code
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if (200..<300).contains(status), body.kind == .object { return .success(body) }
        let code = body["code"].int
        let words = body["message"].string.map { redacted($0) }
        let reason = code.map { "(\($0)) \(words ?? "error")" } ?? "HTTP \(status) without an answer of Twilio's"
        let delay = response.headers["Retry-After"].flatMap { Int64($0) }
            .map { Duration.seconds(min(max($0, 0), 86_400)) }
        let known = code.flatMap { TwilioErrorCode.meaning(of: $0) }
        if status == 429 {
            // Requests of the account at a time (error 20429).
            return .failure(DeliveryFailure(.rateLimited(after: delay), reason: reason, scope: .account))
        }
        if case .rateLimited = known {
            return .failure(DeliveryFailure(.rateLimited(after: delay), reason: reason))
        }
        let kind: DeliveryFailure.Kind =
            switch status {
            case 500..., 408: .temporary
            case _ where known != nil: known ?? .refused
            case 401: .unauthorized
            case 403: code == nil ? .blocked : .refused
            case 404, 410: code == nil ? .gone : .refused
            case 200..<300: .uncertain
            default: .refused
            }
        return .failure(DeliveryFailure(kind, reason: reason))
    }

    /// The platform's words without our token, cut where they get long.
    private func redacted(_ words: String) -> String {
        let token = configuration.authToken.value
        let words = String(words.prefix(300))
        return token.isEmpty
            ? words : words.split(separator: token, omittingEmptySubsequences: false).joined(separator: "…")
    }
}
