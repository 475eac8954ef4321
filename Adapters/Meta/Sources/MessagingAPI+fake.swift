package import BridgeCore
internal import HTTPCore
internal import JSON

extension MessagingAPI {
    /// A text message from an invented person, signed as Meta would sign it.
    package func simulateWebhook(
        text: String, number: Int64, signedBy webhook: MetaWebhook, at now: Timestamp
    ) -> WebhookRequest {
        let account = "100000000000000"
        let milliseconds = now.microseconds / 1000
        var writer = JSONWriter()
        writer.object { root in
            root.field("object", variant.object)
            root.arrayField("entry") { entries in
                entries.object { entry in
                    entry.field("id", account)
                    entry.field("time", milliseconds)
                    entry.arrayField("messaging") { items in
                        items.object { item in
                            item.objectField("sender") { $0.field("id", "6420000000000001") }
                            item.objectField("recipient") { $0.field("id", account) }
                            item.field("timestamp", milliseconds)
                            item.objectField("message") { message in
                                message.field("mid", "m_SIMULATED\(number)")
                                message.field("text", text)
                            }
                        }
                    }
                }
            }
        }
        return WebhookRequest(
            target: "/webhooks/\(variant.platform)",
            headers: [
                "Content-Type": "application/json", MetaWebhook.signatureField: webhook.signature(of: writer.bytes),
            ], body: writer.bytes)
    }

    /// Plays `/me/messages`, `/me/message_attachments` and `/me`.
    package func fakeAnswer(to request: FakeRequest, number: Int64) -> FakeAnswer? {
        guard api.isAuthorized(request) else {
            return FakeAnswer([.refused("the token is wrong")], fakeFault(.unauthorized))
        }
        switch (request.method, GraphFake.path(of: request)) {
        case (.post, "/me/messages"):
            return fakeMessage(request, number: number)
        case (.post, "/me/message_attachments"):
            return FakeAnswer([.other("media")], GraphFake.answer { $0.field("attachment_id", "9\(number)") })
        case (.get, "/me"):
            return FakeAnswer(
                [.other("account")],
                GraphFake.answer { json in
                    json.field("name", "Fake")
                    json.field("username", "fake")
                    json.field("id", "100000000000000")
                })
        case (.get, "/me/subscribed_apps"):
            return FakeAnswer(
                [.other("subscriptions")],
                GraphFake.answer { json in
                    json.arrayField("data") { list in
                        list.object { app in
                            app.field("name", "Fake")
                            app.arrayField("subscribed_fields") { $0.value("messages") }
                        }
                    }
                })
        default:
            return nil
        }
    }

    private func fakeMessage(_ request: FakeRequest, number: Int64) -> FakeAnswer {
        func refuse(_ words: String) -> FakeAnswer {
            FakeAnswer([.refused(words)], GraphFake.error(.badRequest, code: 100, "(#100) \(words)"))
        }
        guard let json = try? JSONView(parsing: request.body),
            let recipient = json["recipient"]["id"].identifier
        else { return refuse("The parameter recipient is required") }
        if let action = json["sender_action"].string {
            guard action.hasPrefix("typing") || action == "mark_seen" else { return refuse("Invalid sender_action") }
            return FakeAnswer(
                action == "typing_on" ? [.typing(conversation: recipient)] : [.other(action)],
                GraphFake.answer { $0.field("recipient_id", recipient) })
        }
        let message = json["message"]
        let id = "m_FAKE\(number)"
        let action: FakeAnswer.Action
        if let text = message["text"].string {
            guard !text.isEmpty, count(text) <= variant.textLimit.count else {
                return refuse("Length of param message[text] must be less than or equal to \(variant.textLimit.count)")
            }
            action = .message(conversation: recipient, id: id, text: text)
        } else if let type = message["attachment"]["type"].string {
            action = .attachment(conversation: recipient, id: id, kind: type)
        } else {
            return refuse("Requires one of the params: text, attachment")
        }
        return FakeAnswer(
            [action],
            GraphFake.answer { answer in
                answer.field("recipient_id", recipient)
                answer.field("message_id", id)
            })
    }

    private func count(_ text: String) -> Int {
        switch variant.textLimit.unit {
        case .utf8: text.utf8.count
        case .utf16: text.utf16.count
        case .scalars: text.unicodeScalars.count
        }
    }

    /// Graph's errors for each fault; neither platform has formatting to refuse.
    package func fakeFault(_ fault: PlatformFault) -> OutboundResponse {
        switch fault {
        case .rateLimited(let delay):
            GraphFake.error(
                .tooManyRequests, code: 613, "(#613) Calls to this api have exceeded the rate limit.",
                headers: ["Retry-After": String(delay.components.seconds)])
        case .serverError:
            GraphFake.error(.internalServerError, code: 1200, "Temporary send message failure. Please try again later.")
        case .unauthorized:
            GraphFake.error(.unauthorized, code: 190, "Invalid OAuth access token.")
        case .blocked:
            GraphFake.error(
                .badRequest, code: 551, subcode: 1_545_041, "(#551) This person isn't available right now.")
        case .gone, .formattingRefused:
            GraphFake.error(.badRequest, code: 100, subcode: 2_018_001, "(#100) No matching user found")
        }
    }
}
