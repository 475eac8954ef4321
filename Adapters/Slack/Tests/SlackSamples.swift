import BridgeCore
import Crypto
import HTTPCore
import SlackAdapter

/// What the Slack tests share: an app and payloads, all invented.
enum SlackSamples {
    static let token = "xoxb-1000-invented-token"
    static let signingSecret = "0badc0ffee0badc0ffee0badc0ffee00"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = SlackAdapter(
        configuration: SlackConfiguration(
            botToken: Secret(token), signingSecret: Secret(signingSecret), apiBase: "https://slack.example.test/api"))

    /// A request signed by a key.
    static func signed(_ body: [UInt8], at time: Timestamp = now, key: String = signingSecret) -> WebhookRequest {
        let timestamp = String(time.seconds)
        let code = HMACSHA256.authenticationCode(for: Array("v0:\(timestamp):".utf8) + body, key: Array(key.utf8))
        return WebhookRequest(
            target: "/webhooks/slack",
            headers: ["X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": "v0=" + Hex.encode(code)], body: body
        )
    }

    /// An event in its envelope, sent for the bot user UBOT.
    static func envelope(_ event: String, id: String = "EvA1") -> String {
        #"{"type":"event_callback","team_id":"TAC","api_app_id":"AAP","event_id":"\#(id)","event_time":1789999990,"authorizations":[{"team_id":"TAC","user_id":"UBOT","is_bot":true}],"event":\#(event)}"#
    }

    /// A message event of Ida's, in the direct conversation with the bot unless the fields say otherwise.
    static func message(_ fields: String, channel: String = "DIDA", kind: String = "im", type: String = "message")
        -> String
    {
        envelope(
            #"{"type":"\#(type)","channel":"\#(channel)","channel_type":"\#(kind)","user":"UIDA","ts":"1789999990.000300","event_ts":"1789999990.000300",\#(fields)}"#
        )
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(signed(Array(body.utf8)), at: now).events
    }

    /// A JSON payload as Slack sends interactions.
    static func form(payload: String) -> String { "payload=\(HTTPPercentEncoding.encode(payload))" }
}
