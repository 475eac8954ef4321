import BridgeCore
import Crypto
import HTTPCore
import JSON
import ZaloAdapter

/// What the Zalo tests share: an account and payloads, all invented.
enum ZaloSamples {
    static let app = "4100000000000000071"
    static let oaSecret = "invented-OA-secret-key"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let configuration = ZaloConfiguration(
        appID: app, appSecret: "invented-app-secret", oaSecretKey: Secret(oaSecret),
        accessToken: "invented-access-token-1", refreshToken: "invented-refresh-token-1",
        apiBase: "https://zalo.example.test", oauthBase: "https://oauth.example.test")
    static let adapter = ZaloAdapter(configuration: configuration)

    /// A webhook signed by a key: over app id, body, the body's own timestamp and the key.
    static func signed(_ body: [UInt8], app: String = app, key: String = oaSecret) -> WebhookRequest {
        let timestamp = (try? JSONView(parsing: body))?["timestamp"].idString ?? ""
        let digest = SHA256.digest(of: Array(app.utf8) + body + Array(timestamp.utf8) + Array(key.utf8))
        return WebhookRequest(
            target: "/webhooks/zalo", headers: ["x-zevent-signature": "mac=" + Hex.encode(digest)], body: body)
    }

    /// An event between Lan (…3) and the account (…2).
    static func event(
        _ name: String, _ fields: String, from: String = "4300000000000000003", to: String = "4200000000000000002"
    )
        -> String
    {
        #"{"app_id":"\#(app)","user_id_by_app":"44","event_name":"\#(name)","timestamp":"1789999990123","sender":{"id":"\#(from)"},"recipient":{"id":"\#(to)"},\#(fields)}"#
    }

    static func message(_ fields: String, name: String = "user_send_text") -> String {
        event(name, #""message":{"msg_id":"m1",\#(fields)}"#)
    }

    static func echo(_ name: String, _ fields: String) -> String {
        event(name, fields, from: "4200000000000000002", to: "4300000000000000003")
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(signed(Array(body.utf8)), at: now).events
    }
}
