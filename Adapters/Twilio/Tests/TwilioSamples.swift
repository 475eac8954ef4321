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
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46, 0x61...0x66: (byte | 0x20) - 0x61 + 10
            default: nil
            }
        }
        return piece.withUnsafeBufferPointer { piece in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(piece.count)
            var index = 0
            while index < piece.count {
                if piece[index] == UInt8(ascii: "%"), index + 2 < piece.count, let high = digit(piece[index + 1]),
                    let low = digit(piece[index + 2])
                {
                    bytes.append(high << 4 | low)
                    index += 3
                } else {
                    bytes.append(piece[index] == UInt8(ascii: "+") ? 0x20 : piece[index])
                    index += 1
                }
            }
            return bytes
        }
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
