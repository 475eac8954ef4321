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
    static func signature(_ url: String, _ body: [UInt8] = [], key: String = token) -> String {
        var values: [[UInt8]: Set<[UInt8]>] = [:]
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let halves = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            values[decoded(halves[0]), default: []].insert(halves.count > 1 ? decoded(halves[1]) : [])
        }
        var text = Array(url.utf8)
        for name in values.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            for value in (values[name] ?? []).sorted(by: { $0.lexicographicallyPrecedes($1) }) { text += name + value }
        }
        return Base64.encode(HMACSHA1.authenticationCode(for: text, key: Array(key.utf8)))
    }

    /// The bytes that a piece of a form stands for.
    static func decoded(_ piece: ArraySlice<UInt8>) -> [UInt8] {
        var rest = piece[...]
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self))
            {
                bytes += value
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return bytes
    }

    /// A webhook with a form, signed over the public address.
    static func signed(_ body: [UInt8], key: String = token, base: String = publicURL) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/twilio",
            headers: [
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": signature(base + "/webhooks/twilio", body, key: key),
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
