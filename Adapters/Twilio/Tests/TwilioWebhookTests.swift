import BridgeCore
import HTTPCore
import Testing
import TwilioAdapter

/// Registering the address of a number, a service or a WhatsApp sender.
struct TwilioWebhookTests {
    typealias S = TwilioSamples

    static func json(_ body: String, status: Int = 200) -> OutboundResponse {
        OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
    }

    static let number = json(
        #"{"incoming_phone_numbers":[{"sid":"PN7","phone_number":"+15550100000","sms_url":"https://o.test/sms"}]}"#)
    static let senders = json(
        #"{"senders":[{"sid":"XE1","sender_id":"whatsapp:+1999"},{"sid":"XE2","sender_id":"whatsapp:+1555","webhook":{"callback_url":"https://o.test/wa"}}]}"#
    )
    static let address = "https://b.test/webhooks/twilio"

    @Test(arguments: [
        ("+15550100000", number, WebhookRegistration.registered(url: "https://o.test/sms", remarks: [])),
        ("whatsapp:+1555", senders, .registered(url: "https://o.test/wa", remarks: [])),
        ("whatsapp:+1999", senders, .none),
        (
            "MG1", json(#"{"sid":"MG1","inbound_request_url":"https://o.test/mg"}"#),
            .registered(url: "https://o.test/mg", remarks: [])
        ),
        ("MG1", json(#"{"sid":"MG1","inbound_request_url":null}"#), .none),
    ])
    func `the registered address is the sender's`(
        sender: String, answer: OutboundResponse, meaning: WebhookRegistration
    ) {
        #expect(S.adapter(sender: sender).interpretWebhookQuery(answer) == meaning)
    }

    @Test func `a number is looked for and then told its address`() throws {
        let adapter = S.adapter()
        let first = adapter.registerWebhook(at: Self.address)
        #expect(first.method == .get)
        #expect(
            first.url
                == "https://api.example.test/2010-04-01/Accounts/\(S.account)/IncomingPhoneNumbers.json?PhoneNumber=%2B15550100000"
        )
        #expect(adapter.interpretRegistration(Self.number) == nil)
        let second = try #require(adapter.nextRegistration(of: Self.address, after: [Self.number]))
        #expect(second.url == "https://api.example.test/2010-04-01/Accounts/\(S.account)/IncomingPhoneNumbers/PN7.json")
        #expect(
            String(decoding: second.body, as: UTF8.self)
                == "SmsUrl=https%3A%2F%2Fb.test%2Fwebhooks%2Ftwilio&SmsMethod=POST")
        #expect(adapter.nextRegistration(of: Self.address, after: [Self.number, Self.json(#"{"sid":"PN7"}"#)]) == nil)
    }

    @Test func `a WhatsApp sender is told by JSON`() throws {
        let adapter = S.adapter(sender: "whatsapp:+1555")
        let second = try #require(adapter.nextRegistration(of: Self.address, after: [Self.senders]))
        #expect(second.url == "https://api.example.test/v2/Channels/Senders/XE2")
        #expect(
            String(decoding: second.body, as: UTF8.self)
                == #"{"webhook":{"callback_url":"https://b.test/webhooks/twilio","callback_method":"POST"}}"#)
    }

    @Test func `a service is told at once`() throws {
        let adapter = S.adapter(sender: "MG1")
        let request = adapter.registerWebhook(at: Self.address)
        #expect(request.method == .post)
        #expect(request.url == "https://api.example.test/v1/Services/MG1")
        #expect(String(decoding: request.body, as: UTF8.self).contains("UseInboundWebhookOnNumber=false"))
        #expect(adapter.nextRegistration(of: Self.address, after: [Self.json(#"{"sid":"MG1"}"#)]) == nil)
        #expect(
            String(decoding: try #require(adapter.removeWebhook()).body, as: UTF8.self).hasPrefix("InboundRequestUrl=&")
        )
    }

    @Test func `a number that is not the account's is said to be so`() {
        let none = Self.json(#"{"incoming_phone_numbers":[]}"#)
        #expect(S.adapter().interpretRegistration(none)?.reason == "the account has no sender +15550100000")
        #expect(S.adapter().nextRegistration(of: Self.address, after: [none]) == nil)
        let refused = Self.json(#"{"code":20003,"message":"Authenticate"}"#, status: 401)
        #expect(S.adapter().interpretRegistration(refused)?.kind == .unauthorized)
    }
}
