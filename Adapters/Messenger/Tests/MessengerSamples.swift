import BridgeCore
import Crypto
import HTTPCore
import MessengerAdapter

/// What the Messenger tests share: a page and payloads, all invented.
enum MessengerSamples {
    static let token = "EAAinvented0page0token"
    static let appSecret = "0badc0ffee0badc0ffee0badc0ffee00"
    static let verifyToken = "invented-verify-token"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = MessengerAdapter(
        configuration: MessengerConfiguration(
            pageAccessToken: Secret(token), verifyToken: Secret(verifyToken), appSecret: Secret(appSecret),
            apiBase: "https://graph.example.test"))

    /// A webhook signed by a key.
    static func signed(_ body: [UInt8], key: String = appSecret) -> WebhookRequest {
        let code = HMACSHA256.authenticationCode(for: body, key: Array(key.utf8))
        return WebhookRequest(
            target: "/webhooks/messenger", headers: ["X-Hub-Signature-256": "sha256=" + Hex.encode(code)], body: body)
    }

    /// A body with these lists in its one entry, of the page 900.
    static func entry(_ lists: String) -> String {
        #"{"object":"page","entry":[{"id":"900","time":1789999991000,\#(lists)}]}"#
    }

    /// A body with one item of Ida's, whose id is 41.
    static func item(_ fields: String, list: String = "messaging") -> String {
        entry(
            #""\#(list)":[{"sender":{"id":"41"},"recipient":{"id":"900"},"timestamp":1789999990000,\#(fields)}]"#)
    }

    /// A message of Ida's.
    static func message(_ fields: String) -> String { item(#""message":{"mid":"m_1",\#(fields)}"#) }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(signed(Array(body.utf8)), at: now).events
    }
}
