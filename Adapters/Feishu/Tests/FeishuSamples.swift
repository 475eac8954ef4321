import BridgeCore
import Crypto
import HTTPCore
import JSON

@testable import FeishuAdapter

/// What the Feishu tests share: an app and payloads, all invented.
enum FeishuSamples {
    static let secret = "invented-app-secret"
    static let key = "1212121212"
    static let token = "invented-verification-token"
    static let now = Timestamp(seconds: 1_790_000_000)

    /// An app with an Encrypt Key.
    static let app = FeishuAdapter(
        configuration: FeishuConfiguration(
            appID: "cli_1", appSecret: Secret(secret), encryptKey: Secret(key), verificationToken: Secret(token),
            apiBase: "https://feishu.example.test"))

    /// The same without one.
    static let open = FeishuAdapter(
        configuration: FeishuConfiguration(
            appID: "cli_1", appSecret: Secret(secret), verificationToken: Secret(token),
            apiBase: "https://feishu.example.test"))

    static func request(_ body: [UInt8], _ headers: HTTPFields = [:]) -> WebhookRequest {
        WebhookRequest(target: "/webhooks/feishu", headers: headers, body: body)
    }

    /// A request as Feishu signs it.
    static func signed(_ body: [UInt8], at time: Timestamp = now, key: String = key) -> WebhookRequest {
        let timestamp = String(time.seconds)
        let digest = SHA256.digest(of: Array("\(timestamp)n0nce\(key)".utf8) + body)
        return request(
            body,
            [
                "X-Lark-Request-Timestamp": timestamp, "X-Lark-Request-Nonce": "n0nce",
                "X-Lark-Signature": Hex.encode(digest),
            ])
    }

    /// A body as Feishu encrypts it.
    static func sealed(_ body: [UInt8], key: String = key) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { $0.field("encrypt", FeishuCipher(encryptKey: Secret(key)).encrypt(body)) }
        return writer.bytes
    }

    /// An event of version 2.
    static func event(_ type: String, _ event: String, id: String = "e1", token: String = token) -> String {
        #"{"schema":"2.0","header":{"event_id":"\#(id)","event_type":"\#(type)","create_time":"1789999990250","token":"\#(token)","app_id":"cli_1","tenant_key":"crew"},"event":\#(event)}"#
    }

    /// A message of Ida's, alone with the bot unless the fields say otherwise.
    static func message(
        _ type: String, _ content: String, _ fields: String = "", chat: String = "p2p", sender: String = "user",
        id: String = "e1"
    ) -> String {
        var writer = JSONWriter()
        writer.value(content)
        let literal = String(decoding: writer.bytes, as: UTF8.self)
        return event(
            "im.message.receive_v1",
            #"{"sender":{"sender_id":{"open_id":"ou_ida","union_id":"on_ida","user_id":"ida"},"sender_type":"\#(sender)"},"message":{"message_id":"om_1","create_time":"1789999990250","chat_id":"oc_1","chat_type":"\#(chat)","message_type":"\#(type)","content":\#(literal)\#(fields.isEmpty ? "" : ",")\#(fields)}}"#,
            id: id)
    }

    /// An event of version 1.
    static func old(_ event: String) -> String {
        #"{"uuid":"u1","ts":"1789999990.2500000","token":"\#(token)","type":"event_callback","event":\#(event)}"#
    }

    static let bot = #"{"key":"@_user_1","id":{"open_id":"ou_bot","user_id":""},"name":"Harbour Helper"}"#
    static let bo = #"{"key":"@_user_10","id":{"open_id":"ou_bo","user_id":"bo"},"name":"Bo"}"#

    static func events(_ body: String) throws -> [InboundEvent] {
        try app.receive(signed(Array(body.utf8)), at: now).events
    }
}
