import BridgeCore
import BridgeTesting
import Crypto
import GoogleChatAdapter
import HTTPCore
import JSON
import Synchronization
import Testing

/// What the Google Chat tests share: an app, its keys and payloads, all invented.
enum GoogleChatSamples {
    static let audience = "https://bridge.example.test/webhooks/googlechat"
    static let account = "harbour@crew-1.iam.gserviceaccount.com"
    static let now = Timestamp(seconds: 1_790_000_000)

    /// A service account's file.
    static let accountFile: [UInt8] = {
        var writer = JSONWriter()
        writer.object { json in
            json.field("type", "service_account")
            json.field("project_id", "crew-1")
            json.field("private_key_id", "k1")
            json.field("private_key", accountKey)
            json.field("client_email", account)
            json.field("token_uri", "https://oauth2.googleapis.com/token")
        }
        return writer.bytes
    }()

    static func app(audience: String = audience, apiBase: String? = nil) throws -> GoogleChatAdapter {
        let account = try #require(GoogleServiceAccount(parsing: accountFile))
        return GoogleChatAdapter(
            configuration: GoogleChatConfiguration(
                serviceAccount: account, audience: audience,
                apiBase: apiBase ?? GoogleChatConfiguration.defaultAPIBase))
    }

    /// The app with the keys that its platform would publish.
    static func keyed(audience: String = audience) throws -> KeyedAdapter<GoogleChatAdapter> {
        try #require(KeyedAdapter(try app(audience: audience), published: SimulationKey.keySet()))
    }

    private static let tokens = Mutex<[String: String]>([:])

    /// A bearer token; made once for the same claims, for a signature takes a millisecond.
    static func bearer(
        _ claims: String, keyID: String = SimulationKey.id, key: RSAPrivateKey = SimulationKey.key
    ) -> String {
        tokens.withLock { tokens in
            let name = "\(keyID) \(claims) \(ObjectIdentifier(key))"
            if let token = tokens[name] { return token }
            let token = "Bearer " + (JSONWebToken.signed(claims: Array(claims.utf8), by: key, keyID: keyID) ?? "")
            tokens[name] = token
            return token
        }
    }

    /// The claims of an identity token.
    static func claims(
        issuer: String = "https://accounts.google.com", audience: String = audience,
        email: String = "chat@system.gserviceaccount.com", isVerified: String = "true", at time: Timestamp = now
    ) -> String {
        #"{"iss":"\#(issuer)","aud":"\#(audience)","email":"\#(email)","email_verified":\#(isVerified),"iat":\#(time.seconds),"exp":\#(time.seconds + 1)}"#
    }

    static func request(_ body: [UInt8], _ authorization: String) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/googlechat",
            headers: ["Content-Type": "application/json; charset=utf-8", "Authorization": authorization], body: body)
    }

    static func signed(
        _ body: [UInt8], at time: Timestamp = now, key: RSAPrivateKey = SimulationKey.key
    ) -> WebhookRequest {
        request(body, bearer(claims(at: time), key: key))
    }

    /// A key that nobody publishes.
    static let otherKey = RSAPrivateKey(pem: accountKey)

    private static let accountKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDT/woIP+6qWpQ8
        0J3hudI0HROvOti50WM4MBCfYgDnoh09U/27yGHk6o5sqw1P9Nb/xfP2K6xjyGi1
        +TS14KzovB7qnb7JEmJvNaSarlJz5Fy4eQLFqazdCv+Cz8ttsFoivsnrI6WkTtIF
        igH+kNWLx3aoX4NR+MdWuPxtkHpFUyn+TiJlW7f7HVJa0Mr5Dj7LlfdLRoAc1yD7
        sIBQpQe/pVkZNt2B5f6jIEHUpoyr5cZon9sJW6nd0uBvoR/dNgOL2NzjREHLfHd2
        Z+hpew9OLHqh+ztKoYPkA/g+oOX0av3dApEh6jBp6ktnqCO5+oV4PELCo5ms1Cea
        MptBrZMVAgMBAAECggEAG0lrDafI/QVeqjtB7yF/ZHTPqVDeP4CrkDpjkVhIfIgZ
        0mCCus5uh0wHnAYiVwXRPKfKoId7j3Zmv/F9LuHl76jzI8i9G11x7RWPA9fnRgKB
        Sr9Ms4uE9Air3bcIXKyD1ZAQJmN2uSDqGItseUtEKVM5uy9cFEt8wPVbjHC5xD1V
        ma5xyaqNl9qhPBPtDLRrHL0wLT2YdLnfDkTfkQY+WDGUcRkdBd+rwDpWI+tyTbpE
        4v8afq9HsvxW4ZSl4KRjmjhQlA2UB+4y2mukpdkMotj94uCuDgP6/tzvk+Nte76d
        AcX6XfjqXSNyiB6MYRsoVxjzOdv6fwJYudrSuEMFoQKBgQDxvf9+lhjFwukYbx7y
        ASSHBx+5hTb32bADZT37gTwQpvYNkey7He7V70H6IVOJkeTEEaB8/SocnZXHKbOa
        JuNmhQjhLXXMPpTgJhmTUhj4vx2X5IaKa3C3pekvzBtFGUdAG1yBj3rSX0RR7JdV
        FolggeqZYb+KUZ6dMdieLhvZJQKBgQDgf+pD2JksBR8lnJKhfQj/N4RXKXEgEW7V
        mR6/kSBsJnrs8ZjDHREaSliKbYV5VPPdcaDNsF4XQ+jbXaTTOilFps8rgx7k0iLx
        acC6EwmUL+29GPAKyW4ZrhsSts3/M9f8M2SoIfEcGAmaBO8TU4jkrXHdvAT96/k7
        b6nz//UHMQKBgGCfs8aSEfbB0E9+4tySDlqWQ1zw3Sa18P96cQrc/fgd9A06fWfR
        MAx8pF9pAK3lDY49CWvL+RAVAK/pgCsmThBFLmZquEHZ5cGuGNzknKyYHyj+I7Sh
        +xy8iPcc2u2EjBEYnqH+inYZtAIW0eolpuVXKEEEa/3KX96u9MlM3r6tAoGACWVx
        MavEJXKFbjaScI3iLYRuVpOWd4gjQm9pOQ1i9QPbS0WFZk02JQqNkCWrW3uxxUf3
        OgSyu3iNK3lM58ZcadzkeObBCUS+T6pkdaVMVlZ3Nd3wVhM+N3bxDSR3lMHfvV+N
        S/g3tjxPUpH4S6/IYAHebTBsaRBSWyl+TIcfA1ECgYAa0Ck1t17BJ3MjGrrfM12W
        877Rdv1Ij/hnZ7zOMRrvtO8bERgbrYMi1Hh6NTS8+ra9bOINenIplO+peIHIg4w1
        XSwIgrSxwtUExPdmMSYsgzSKx50sdbm03ajVv7020yZ6bEVxJ0x2SeSBXb2RNQmc
        SQLXNfsIcgh3dB/HJz3izA==
        -----END PRIVATE KEY-----
        """

    static let crew = #"{"name":"spaces/CREW","type":"ROOM","spaceType":"SPACE"}"#
    static let alone = #"{"name":"spaces/IDA","type":"DM","spaceType":"DIRECT_MESSAGE","singleUserBotDm":true}"#
    static let ida = #"{"name":"users/1","displayName":"Ida","type":"HUMAN"}"#
    static let time = "2026-09-21T13:33:10.25Z"

    /// A message of Ida's.
    static func message(_ fields: String, in space: String = "IDA", sender: String = ida) -> String {
        #"{"name":"spaces/\#(space)/messages/m1","sender":\#(sender),"createTime":"\#(time)","thread":{"name":"spaces/\#(space)/threads/t1"},"space":{"name":"spaces/\#(space)"},\#(fields)}"#
    }

    /// The classic envelope.
    static func classic(_ type: String, _ fields: String, in space: String = alone) -> String {
        #"{"type":"\#(type)","eventTime":"\#(time)","space":\#(space),"user":\#(ida),"common":{"userLocale":"nb"},\#(fields)}"#
    }

    /// The envelope of Workspace add-ons.
    static func addOn(_ payload: String, common: String = #""userLocale":"nb""#) -> String {
        #"{"commonEventObject":{\#(common),"hostApp":"CHAT"},"chat":{"user":\#(ida),"eventTime":"\#(time)",\#(payload)}}"#
    }

    /// A push of Pub/Sub.
    static func push(_ type: String, _ data: String, id: String = "e1") -> String {
        #"{"message":{"attributes":{"ce-type":"google.workspace.\#(type)","ce-id":"\#(id)","ce-subject":"//chat.googleapis.com/spaces/CREW","ce-time":"\#(time)"},"data":"\#(Base64.encode(Array(data.utf8)))","messageId":"9"},"subscription":"projects/crew-1/subscriptions/s"}"#
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try keyed().receive(signed(Array(body.utf8)), at: now).events
    }
}
