import BridgeCore
import Crypto
import HTTPCore
import LineAdapter

/// What the LINE tests share: a channel and payloads, all invented.
enum LineSamples {
    static let secret = "5eed0fa11eaf5eed0fa11eaf5eed0fa1"
    static let token = "invented+channel/access+token=="
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = LineAdapter(
        configuration: LineConfiguration(
            channelSecret: Secret(secret), accessToken: Secret(token), apiBase: "https://api.example.test",
            dataBase: "https://data.example.test"))

    /// A webhook signed by a key.
    static func signed(_ body: [UInt8], key: String = secret) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/line",
            headers: [
                "x-line-signature": Base64.encode(HMACSHA256.authenticationCode(for: body, key: Array(key.utf8)))
            ], body: body)
    }

    static let mika = #"{"type":"user","userId":"Umika"}"#
    static let group = #"{"type":"group","groupId":"Ccrew","userId":"Umika"}"#

    /// A webhook with one event, Mika's unless the source says otherwise.
    static func event(
        _ type: String, _ fields: String = "", source: String = mika, mode: String = "active", id: String = "01EVENT"
    ) -> String {
        body(
            #"{"type":"\#(type)","mode":"\#(mode)","timestamp":1789999990123,"source":\#(source),"webhookEventId":"\#(id)","deliveryContext":{"isRedelivery":false},"replyToken":"r0"\#(fields.isEmpty ? "" : "," + fields)}"#
        )
    }

    static func body(_ events: String...) -> String {
        #"{"destination":"Ubot","events":[\#(events.joined(separator: ","))]}"#
    }

    /// A webhook with one message.
    static func message(_ fields: String, source: String = mika, mode: String = "active") -> String {
        event("message", #""message":{"id":"777","quoteToken":"q7",\#(fields)}"#, source: source, mode: mode)
    }

    static func text(_ literal: String, source: String = mika) -> String {
        message(#""type":"text","text":\#(literal)"#, source: source)
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(signed(Array(body.utf8)), at: now).events
    }
}
