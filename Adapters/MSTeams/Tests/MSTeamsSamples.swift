import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import MSTeamsAdapter
import Synchronization
import Testing

/// What the Teams tests share: a bot, its keys and payloads, all invented.
enum MSTeamsSamples {
    static let appID = "5f0c7b1e-0000-4000-8000-00000000b07a"
    static let password = "invented~client.secret"
    static let now = Timestamp(seconds: 1_790_000_000)
    static let service = "https://smba.trafficmanager.net/emea/"

    static let bot = MSTeamsAdapter(
        configuration: MSTeamsConfiguration(appID: appID, appPassword: Secret(password), tenantID: "tenant-a"))

    /// The bot with the keys that its platform would publish.
    static func keyed() throws -> KeyedAdapter<MSTeamsAdapter> {
        try #require(KeyedAdapter(bot, published: SimulationKey.keySet(endorsements: ["msteams"])))
    }

    private static let tokens = Mutex<[String: String]>([:])

    /// A bearer token; made once for the same claims, for a signature takes a millisecond.
    static func bearer(_ claims: String, keyID: String = SimulationKey.id, key: RSAPrivateKey = SimulationKey.key)
        -> String
    {
        tokens.withLock { tokens in
            let name = "\(keyID) \(claims) \(ObjectIdentifier(key))"
            if let token = tokens[name] { return token }
            let token = "Bearer " + (JSONWebToken.signed(claims: Array(claims.utf8), by: key, keyID: keyID) ?? "")
            tokens[name] = token
            return token
        }
    }

    static func claims(
        issuer: String = "https://api.botframework.com", audience: String = appID, service: String = service,
        at time: Timestamp = now
    ) -> String {
        #"{"iss":"\#(issuer)","aud":"\#(audience)","serviceurl":"\#(service)","nbf":\#(time.seconds),"exp":\#(time.seconds + 1)}"#
    }

    /// The request that carries a body, with a token for the address that the body names.
    static func signed(
        _ body: [UInt8], at time: Timestamp = now, key: RSAPrivateKey = SimulationKey.key
    ) -> WebhookRequest {
        let named = (try? JSONView(parsing: body))?["serviceUrl"].string ?? ""
        var writer = JSONWriter()
        writer.object { json in
            json.field("iss", "https://api.botframework.com")
            json.field("aud", appID)
            json.field("serviceurl", named.isEmpty ? service : named)
            json.field("nbf", time.seconds)
            json.field("exp", time.seconds + 1)
        }
        return request(body, bearer(String(decoding: writer.bytes, as: UTF8.self), key: key))
    }

    static func request(_ body: [UInt8], _ authorization: String) -> WebhookRequest {
        WebhookRequest(
            target: "/webhooks/msteams",
            headers: ["Content-Type": "application/json; charset=utf-8", "Authorization": authorization], body: body)
    }

    /// Another key of the same size.
    static let otherKey: RSAPrivateKey? = RSAPrivateKey(pem: otherPEM)

    private static let otherPEM = """
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

    enum Place {
        static let personal = #"{"conversationType":"personal","tenantId":"tenant-a","id":"a:1ida"}"#
        static let channel =
            #"{"conversationType":"channel","isGroup":true,"tenantId":"tenant-a","id":"19:crew@thread.tacv2;messageid=1790"}"#
        static let group =
            #"{"conversationType":"groupChat","isGroup":true,"tenantId":"tenant-a","id":"19:trio@thread.v2"}"#
    }

    /// An activity of Ida's, in the personal chat unless said otherwise.
    static func activity(_ fields: String, type: String = "message", in place: String = Place.personal) -> String {
        #"{"type":"\#(type)","id":"1789999990000","timestamp":"2026-09-21T13:33:10.25Z","channelId":"msteams","serviceUrl":"\#(service)","from":{"id":"29:ida","name":"Ida","aadObjectId":"0-1"},"recipient":{"id":"28:\#(appID)","name":"Harbour Helper"},"conversation":\#(place),"channelData":{"tenant":{"id":"tenant-a"}},"locale":"nb-NO",\#(fields)}"#
    }

    static func mention(_ id: String = "28:\(appID)", name: String = "Harbour Helper") -> String {
        #"{"type":"mention","mentioned":{"id":"\#(id)","name":"\#(name)"},"text":"<at>\#(name)</at>"}"#
    }

    static func events(_ body: String) throws -> [InboundEvent] {
        try keyed().receive(signed(Array(body.utf8)), at: now).events
    }
}
