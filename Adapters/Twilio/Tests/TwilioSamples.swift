import BridgeCore
import Crypto
import HTTPCore
import TwilioAdapter

/// What the Twilio tests share: an account and payloads, all invented.
enum TwilioSamples {
    static let token = "0badc0ffee0badc0ffee0badc0ffee00"
    static let account = "AC00000000000000000000000000000001"
    static let publicURL = "https://bridge.example.test"
    static let now = Timestamp(seconds: 1_790_000_000)

    static func adapter(
        sender: String = "+15550100000", publicURL: String? = publicURL, token: String = token
    ) -> TwilioAdapter {
        TwilioAdapter(
            configuration: TwilioConfiguration(
                accountSID: account, authToken: Secret(token), sender: sender, publicURL: publicURL,
                apiBase: "https://api.example.test"))
    }

    /// The signature that the documentation describes, made apart from the adapter's own.
    static func signature(_ url: String, _ parameters: [(name: String, value: String)], key: String = token) -> String {
        var values: [[UInt8]: Set<[UInt8]>] = [:]
        for parameter in parameters {
            values[Array(parameter.name.utf8), default: []].insert(Array(parameter.value.utf8))
        }
        var text = Array(url.utf8)
        for name in values.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            for value in (values[name] ?? []).sorted(by: { $0.lexicographicallyPrecedes($1) }) { text += name + value }
        }
        return Base64.encode(HMACSHA1.authenticationCode(for: text, key: Array(key.utf8)))
    }

    /// A webhook with a form, signed over the public address.
    static func signed(_ body: [UInt8], key: String = token, base: String = publicURL) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/twilio",
            headers: [
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": signature(
                    base + "/webhooks/twilio", HTTPPercentEncoding.decodeForm(body), key: key),
            ], body: body)
    }

    /// A form of these fields.
    static func form(_ fields: KeyValuePairs<String, String>) -> String {
        fields.map { "\($0.key)=\(HTTPPercentEncoding.encode($0.value))" }.joined(separator: "&")
    }

    /// A text message of Ada's with these fields besides.
    static func sms(_ fields: KeyValuePairs<String, String>, sid: String = "SM1") -> String {
        let head: KeyValuePairs = [
            "MessageSid": sid, "AccountSid": account, "From": "+15550100042", "To": "+15550100000",
        ]
        return form(head) + "&" + form(fields)
    }

    /// The same by WhatsApp.
    static func whatsApp(_ fields: KeyValuePairs<String, String>) -> String {
        let head: KeyValuePairs = [
            "MessageSid": "SM2", "From": "whatsapp:+15550100042", "To": "whatsapp:+15550100000", "ProfileName": "Ada",
        ]
        return form(head) + "&" + form(fields)
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter().receive(signed(Array(body.utf8)), at: now).events
    }
}
