import BridgeCore
import Crypto
import HTTPCore
import WhatsAppAdapter

/// What the WhatsApp tests share: a business number and payloads, all invented.
enum WhatsAppSamples {
    static let token = "EAAinvented0token"
    static let appSecret = "0badc0ffee0badc0ffee0badc0ffee00"
    static let verifyToken = "invented-verify-token"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = WhatsAppAdapter(
        configuration: WhatsAppConfiguration(
            accessToken: Secret(token), phoneNumberID: "200", verifyToken: Secret(verifyToken),
            appSecret: Secret(appSecret), apiBase: "https://graph.example.test"))

    /// A webhook signed by a key.
    static func signed(_ body: [UInt8], key: String = appSecret) -> WebhookRequest {
        let code = HMACSHA256.authenticationCode(for: body, key: Array(key.utf8))
        return WebhookRequest(
            target: "/webhooks/whatsapp", headers: ["X-Hub-Signature-256": "sha256=" + Hex.encode(code)], body: body)
    }

    /// A body with one change.
    static func change(_ value: String, field: String = "messages") -> String {
        #"{"object":"whatsapp_business_account","entry":[{"id":"100","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100000","phone_number_id":"200"},\#(value)},"field":"\#(field)"}]}]}"#
    }

    static let ada = #""contacts":[{"profile":{"name":"Ada"},"wa_id":"15550100042"}]"#

    /// A message of Ada's, who has a number alone.
    static func message(_ fields: String, id: String = "wamid.A1") -> String {
        change(#"\#(ada),"messages":[{"from":"15550100042","id":"\#(id)","timestamp":"1789999990",\#(fields)}]"#)
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(signed(Array(body.utf8)), at: now).events
    }
}
