import BridgeCore
import HTTPCore
import MatrixAdapter

/// What the Matrix tests share: an application service and events, all invented.
enum MatrixSamples {
    static let asToken = "as-token-invented-for-tests"
    static let hsToken = "hs-token-invented-for-tests"
    static let userID = "@harbour:example.test"
    static let room = "!quay:example.test"
    static let ida = "@ida:example.test"
    static let now = Timestamp(seconds: 1_790_000_000)

    static let adapter = MatrixAdapter(
        configuration: MatrixConfiguration(
            userID: userID, asToken: Secret(asToken), hsToken: Secret(hsToken), apiBase: "https://hs.example.test"))

    /// A transaction with the right token.
    static func transaction(_ body: [UInt8], token: String = hsToken, id: String = "17") -> WebhookRequest {
        WebhookRequest(
            method: .put, target: "/webhooks/matrix/_matrix/app/v1/transactions/\(id)",
            headers: ["Content-Type": "application/json", "Authorization": "Bearer \(token)"], body: body)
    }

    /// The events of a body.
    static func events(_ body: String) throws -> [InboundEvent] {
        try adapter.receive(transaction(Array(body.utf8)), at: now).events
    }

    /// A transaction of events.
    static func body(_ events: String...) -> String { #"{"events":[\#(events.joined(separator: ","))]}"# }

    /// An event of Ida's.
    static func event(
        _ type: String, _ content: String, id: String = "$one", sender: String = ida, room: String = room,
        more: String = ""
    ) -> String {
        #"{"type":"\#(type)","event_id":"\#(id)","room_id":"\#(room)","sender":"\#(sender)","origin_server_ts":1789999990123,"content":{\#(content)}\#(more)}"#
    }

    /// A message of Ida's.
    static func message(_ content: String, id: String = "$one", sender: String = ida) -> String {
        event("m.room.message", content, id: id, sender: sender)
    }

    /// A change of membership.
    static func member(
        _ membership: String, of user: String, by sender: String = ida, more: String = "", content: String = ""
    ) -> String {
        event(
            "m.room.member", #""membership":"\#(membership)"\#(content)"#, sender: sender,
            more: #","state_key":"\#(user)"\#(more)"#)
    }

    static func action(
        _ kind: OutboundAction.Kind, thread: String? = nil, replyTo: String? = nil, context: [String: String] = [:]
    ) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind,
            place: InboundEvent.Place(conversation: ConversationID(room), thread: thread.map { ThreadID($0) }),
            replyTo: replyTo.map { PlatformMessageID($0) }, replyContext: context)
    }
}
