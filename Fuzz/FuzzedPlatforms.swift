import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import InstagramAdapter
import JSON
import MessengerAdapter
import TelegramAdapter
import WebAdapter
import WhatsAppAdapter
import ZaloBotAdapter

@testable import DiscordAdapter
@testable import FeishuAdapter
@testable import GitHubAdapter
@testable import GoogleChatAdapter
@testable import LineAdapter
@testable import MSTeamsAdapter
@testable import MatrixAdapter
@testable import MattermostAdapter
@testable import RocketChatAdapter
@testable import SlackAdapter
@testable import TwilioAdapter
@testable import ViberAdapter
@testable import WebhookAdapter
@testable import ZaloAdapter

/// Every adapter, as the bot of an invented account.
let receivePlatforms: [FuzzedPlatform] = [
    telegram, zaloBot, zalo, line, whatsApp, messenger, instagram, viber, slack, discord, teams, googleChat, twilio,
    mattermost, matrix, rocketChat, feishu, gitHub, webhook, web,
]

private let secret = "invented-secret-of-the-fuzzer"
private let base = "https://api.invalid"

private let telegram = FuzzedPlatform(
    TelegramAdapter(
        configuration: TelegramConfiguration(
            botToken: Secret("1:invented"), webhookSecret: Secret(secret), isPollingEnabled: true, apiBase: base))
) { _ in ["X-Telegram-Bot-Api-Secret-Token": secret] }

private let zaloBot = FuzzedPlatform(
    ZaloBotAdapter(
        configuration: ZaloBotConfiguration(
            botToken: Secret("1:invented"), webhookSecret: Secret(secret), isPollingEnabled: true, apiBase: base)),
    fixtures: "zalo"
) { _ in ["X-Bot-Api-Secret-Token": secret] }

private let zalo: FuzzedPlatform = {
    let adapter = ZaloAdapter(
        configuration: ZaloConfiguration(
            appID: "1", appSecret: Secret(secret), oaSecretKey: Secret(secret), accessToken: Secret("a"),
            refreshToken: Secret("r"), apiBase: base))
    return FuzzedPlatform(adapter) { body in
        let timestamp = (try? JSONView(parsing: body))?["timestamp"].idString ?? ""
        return [ZaloSignature.field: adapter.signature.sign(body, timestamp: timestamp)]
    }
}()

private let line: FuzzedPlatform = {
    let adapter = LineAdapter(
        configuration: LineConfiguration(channelSecret: Secret(secret), accessToken: Secret("a"), apiBase: base))
    return FuzzedPlatform(adapter) { [LineSignature.field: adapter.signature.sign($0)] }
}()

/// The field by which all platforms of Meta's sign.
private func metaFields(_ body: [UInt8]) -> HTTPFields {
    let code = HMACSHA256.authenticationCode(for: body, key: Array(secret.utf8))
    return ["X-Hub-Signature-256": "sha256=" + Hex.encode(code)]
}

private let whatsApp = FuzzedPlatform(
    WhatsAppAdapter(
        configuration: WhatsAppConfiguration(
            accessToken: Secret("a"), phoneNumberID: "1", verifyToken: Secret("v"), appSecret: Secret(secret),
            apiBase: base)), fields: metaFields)

private let messenger = FuzzedPlatform(
    MessengerAdapter(
        configuration: MessengerConfiguration(
            pageAccessToken: Secret("a"), verifyToken: Secret("v"), appSecret: Secret(secret), apiBase: base)),
    fields: metaFields)

private let instagram = FuzzedPlatform(
    InstagramAdapter(
        configuration: InstagramConfiguration(
            accessToken: Secret("a"), verifyToken: Secret("v"), appSecret: Secret(secret), apiBase: base)),
    fields: metaFields)

private let viber: FuzzedPlatform = {
    let adapter = ViberAdapter(configuration: ViberConfiguration(authToken: Secret(secret), apiBase: base))
    return FuzzedPlatform(adapter) { [ViberSignature.field: adapter.signature.sign($0)] }
}()

private let slack: FuzzedPlatform = {
    let adapter = SlackAdapter(
        configuration: SlackConfiguration(
            botToken: Secret("xoxb-1"), signingSecret: Secret(secret), appToken: Secret("xapp-1"), apiBase: base))
    let timestamp = String(fuzzNow.seconds)
    var platform = FuzzedPlatform(adapter) { body in
        [
            SlackSignature.timestampField: timestamp,
            SlackSignature.signatureField: adapter.signature.sign(body, timestamp: timestamp),
        ]
    }
    platform.greeting = [#"{"type":"hello","num_connections":1,"connection_info":{"app_id":"A1"}}"#]
    platform.envelopes = ["events_api", "interactive", "slash_commands"].map { type in
        { wrapped(#"{"envelope_id":"e","type":"\#(type)","payload":"#, $0, "}") }
    }
    return platform
}()

private let discord: FuzzedPlatform = {
    let key = [UInt8](repeating: 7, count: 32)
    let adapter = DiscordAdapter(
        configuration: DiscordConfiguration(
            applicationID: "1400000000000000001", publicKey: Hex.encode(Ed25519.publicKey(for: key) ?? []),
            botToken: Secret("invented"), apiBase: base))
    let timestamp = String(fuzzNow.seconds)
    var platform = FuzzedPlatform(adapter) { adapter.signature.simulatedFields($0, timestamp: timestamp) }
    platform.greeting = [
        #"{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250}}"#,
        #"{"op":0,"s":1,"t":"READY","d":{"v":10,"user":{"id":"1400000000000000001"},"session_id":"s","resume_gateway_url":"wss://gateway.invalid"}}"#,
    ]
    platform.envelopes = ["MESSAGE_CREATE", "INTERACTION_CREATE", "MESSAGE_REACTION_ADD"].map { type in
        { wrapped(#"{"op":0,"s":2,"t":"\#(type)","d":"#, $0, "}") }
    }
    return platform
}()

private let teams: FuzzedPlatform = {
    let adapter = MSTeamsAdapter(
        configuration: MSTeamsConfiguration(appID: "app", appPassword: Secret(secret), tenantID: "t"))
    guard let keyed = KeyedAdapter(adapter, published: SimulationKey.keySet(endorsements: ["msteams"])) else {
        fatalError("the keys of the fake are none")
    }
    var tokens: [String: String] = [:]
    var platform = FuzzedPlatform(keyed, base: adapter) { body in
        // A token is good for the address that its activity names.
        let named = (try? JSONView(parsing: body))?["serviceUrl"].string ?? ""
        let service = named.isEmpty ? "https://smba.invalid/" : named
        if tokens.count > 1000 { tokens = [:] }
        let token =
            tokens[service]
            ?? bearer { json in
                json.field("iss", "https://api.botframework.com")
                json.field("aud", "app")
                json.field("serviceurl", service)
            }
        tokens[service] = token
        return ["Authorization": token]
    }
    // Its channel, for which the key must be endorsed.
    platform.holdsToken = true
    return platform
}()

private let googleChat: FuzzedPlatform = {
    var file = JSONWriter()
    file.object { json in
        json.field("type", "service_account")
        json.field("private_key", SimulationKey.pem)
        json.field("client_email", "bot@crew.iam.gserviceaccount.com")
    }
    guard let account = GoogleServiceAccount(parsing: file.bytes) else { fatalError("the account's file is none") }
    let adapter = GoogleChatAdapter(
        configuration: GoogleChatConfiguration(serviceAccount: account, audience: "https://bridge.invalid/googlechat"))
    guard let keyed = KeyedAdapter(adapter, published: SimulationKey.keySet()) else { fatalError("no keys") }
    let token = bearer { json in
        json.field("iss", "https://accounts.google.com")
        json.field("aud", "https://bridge.invalid/googlechat")
        json.field("email", "chat@system.gserviceaccount.com")
        json.field("email_verified", true)
    }
    return FuzzedPlatform(keyed, base: adapter) { _ in ["Authorization": token] }
}()

private let twilio: FuzzedPlatform = {
    let adapter = TwilioAdapter(
        configuration: TwilioConfiguration(
            accountSID: "AC1", authToken: Secret(secret), sender: "+15550100000", publicURL: "https://bridge.invalid",
            apiBase: base))
    func request(_ body: [UInt8], query: String?) -> WebhookRequest {
        let isJSON = body.first == UInt8(ascii: "{") || body.first == UInt8(ascii: "[")
        var target = "/webhooks/twilio"
        if isJSON { target += "?\(TwilioSignature.bodyDigest)=\(Hex.encode(SHA256.digest(of: body)))" }
        if let query { target += "?\(query)" }
        let form = isJSON || query != nil ? nil : TwilioForm(body)
        return WebhookRequest(
            method: query == nil ? .post : .get, target: target,
            headers: [
                "Content-Type": isJSON ? "application/json" : "application/x-www-form-urlencoded",
                TwilioSignature.field: adapter.signature.sign("https://bridge.invalid" + target, form),
            ], body: body)
    }
    return FuzzedPlatform(adapter, sign: { request($0, query: nil) }, ask: { request([], query: $0) })
}()

private let mattermost: FuzzedPlatform = {
    let adapter = MattermostAdapter(
        configuration: MattermostConfiguration(
            botToken: Secret("b"), webhookTokens: [Secret(secret)], isWebSocketEnabled: true, serverURL: base))
    var platform = FuzzedPlatform(adapter, target: "/webhooks/mattermost?token=\(secret)") { _ in [:] }
    platform.greeting = [
        #"{"event":"hello","data":{"server_version":"9.5.0","connection_id":"con1"},"broadcast":{},"seq":0}"#
    ]
    platform.envelopes = ["posted", "post_edited", "post_deleted", "reaction_added"].map { type in
        { payload in
            var writer = JSONWriter()
            writer.object { json in
                json.field("event", type)
                json.objectField("data") { data in
                    data.field("channel_type", "D")
                    data.field(type == "reaction_added" ? "reaction" : "post", String(decoding: payload, as: UTF8.self))
                }
                json.objectField("broadcast") { $0.field("channel_id", "c1") }
                json.field("seq", 1)
            }
            return writer.bytes
        }
    }
    return platform
}()

private let matrix = FuzzedPlatform(
    MatrixAdapter(
        configuration: MatrixConfiguration(
            userID: "@bot:bridge.invalid", asToken: Secret("a"), hsToken: Secret(secret), apiBase: base)),
    target: "/webhooks/matrix/_matrix/app/v1/transactions/t1", method: .put
) { _ in ["Authorization": "Bearer \(secret)"] }

private let rocketChat = FuzzedPlatform(
    RocketChatAdapter(
        configuration: RocketChatConfiguration(
            authToken: Secret("a"), userID: "u", webhookTokens: [Secret(secret)], serverURL: base)),
    target: "/webhooks/rocketchat?token=\(secret)"
) { _ in [:] }

/// With an Encrypt Key: the input is what comes out of the cipher.
private let feishu: FuzzedPlatform = {
    let cipher = FeishuCipher(encryptKey: Secret(secret))
    let adapter = FeishuAdapter(
        configuration: FeishuConfiguration(
            appID: "cli_1", appSecret: Secret(secret), encryptKey: Secret(secret), apiBase: base))
    func request(_ body: [UInt8]) -> WebhookRequest {
        var sealed = JSONWriter()
        sealed.object { $0.field("encrypt", cipher.encrypt(body)) }
        let timestamp = String(fuzzNow.seconds)
        return WebhookRequest(
            target: "/webhooks/feishu",
            headers: [
                "Content-Type": "application/json", "X-Lark-Request-Timestamp": timestamp, "X-Lark-Request-Nonce": "n",
                FeishuCipher.signatureField: cipher.signature(of: sealed.bytes, timestamp: timestamp, nonce: "n"),
            ], body: sealed.bytes)
    }
    return FuzzedPlatform(adapter, sign: request) { _ in request([]) }
}()

private let gitHub: FuzzedPlatform = {
    let adapter = GitHubAdapter(
        configuration: GitHubConfiguration(
            webhookSecret: Secret(secret), token: Secret("t"), name: "bot", apiBase: base))
    let names = ["issue_comment", "issues", "pull_request", "pull_request_review", "discussion_comment", "push", nil]
    return FuzzedPlatform(adapter) { body in
        var fields: HTTPFields = [GitHubSignature.field: adapter.signature.sign(body)]
        fields["X-GitHub-Event"] = names[body.count % names.count]
        return fields
    }
}()

private let webhook: FuzzedPlatform = {
    let key = "whsec_" + Base64.encode([UInt8](repeating: 9, count: 32))
    let adapter = WebhookAdapter(
        configuration: WebhookConfiguration(secret: Secret(key), replyURL: "https://reply.invalid/x"))
    guard let signature = adapter.signature else { fatalError("the secret is none") }
    return FuzzedPlatform(adapter, fixtures: "generic") { signature.fields(for: $0, id: "msg_1", at: fuzzNow) }
}()

private let web = FuzzedPlatform(WebAdapter(), fixtures: "generic") { _ in [WebAdapter.eventField: "event-1"] }

private func wrapped(_ start: String, _ payload: [UInt8], _ end: String) -> [UInt8] {
    Array(start.utf8) + payload + Array(end.utf8)
}

/// A token by the fake's key, good at ``fuzzNow``.
private func bearer(_ claims: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    writer.object { json in
        claims(&json)
        json.field("nbf", fuzzNow.seconds - 60)
        json.field("iat", fuzzNow.seconds - 60)
        json.field("exp", fuzzNow.seconds + 3000)
    }
    return "Bearer " + (JSONWebToken.signed(claims: writer.bytes, by: SimulationKey.key, keyID: SimulationKey.id) ?? "")
}

extension FuzzedPlatform {
    /// A platform whose requests are made in a way of their own.
    init(
        _ adapter: any Adapter, name: String? = nil, isStateless: Bool = true,
        sign: @escaping ([UInt8]) -> WebhookRequest, ask: @escaping (String) -> WebhookRequest
    ) {
        self.adapter = adapter
        self.base = adapter
        self.name = name ?? adapter.platform.rawValue
        self.fixtures = adapter.platform.rawValue
        self.isStateless = isStateless
        self.sign = sign
        self.ask = ask
    }
}
