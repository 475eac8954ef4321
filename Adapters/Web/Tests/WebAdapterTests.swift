import BridgeCore
import BridgeTesting
import HTTPCore
import Testing
import WebAdapter

/// Messages by our own API.
struct WebAdapterTests {
    static let now = Timestamp(seconds: 1_790_000_000)
    static let adapter = WebAdapter()

    static func request(_ body: [UInt8], headers: HTTPFields = ["X-ChatBridge-Event": "ev1"]) -> WebhookRequest {
        WebhookRequest(target: "/api/messages", headers: headers, body: body)
    }

    static func event(_ body: String, headers: HTTPFields = ["X-ChatBridge-Event": "ev1"]) throws -> InboundEvent {
        try #require(try adapter.receive(request(Array(body.utf8), headers: headers), at: now).events.first)
    }

    static let rows: [(body: String, expected: ExpectedEvent)] = [
        (
            #"{"conversation":"c1","user":"u1","text":"hello"}"#,
            ExpectedEvent(.text, isAnswered: true, text: "hello", sender: "u1", conversation: "c1")
        ),
        (
            #"{"text":"hello"}"#,
            ExpectedEvent(.text, isAnswered: true, text: "hello", sender: "default", conversation: "default")
        ),
        (
            #"{"user":9007199254740993,"text":"hello","thread":"t"}"#,
            ExpectedEvent(
                .text, isAnswered: true, text: "hello", sender: "9007199254740993", conversation: "9007199254740993",
                thread: "t")
        ),
        (
            #"{"conversation":"c1","text":null,"attachments":[{"kind":"audio","url":"https://a.test/a"}]}"#,
            ExpectedEvent(.audio, isAnswered: true, sender: "c1", conversation: "c1", attachments: 1)
        ),
    ]

    static let profile = ConformanceProfile(
        now: now,
        signing: .init(
            fields: [], coversBody: false, tolerance: nil, sign: { body, _ in request(body) },
            signWrongly: { body, _ in request(body) }),
        payloads: rows.enumerated().map { number, row in .init("body \(number)", row.body, [row.expected]) },
        message: { #"{"text":\#($0)}"# }, malformed: Self.refusals.map(\.body), responses: [], secrets: [])

    @Test func `it keeps the adapter contract`() {
        #expect(AdapterConformance(Self.adapter, Self.profile).findings() == [])
    }

    static let refusals: [(body: String, message: String)] = [
        ("{}", "text or attachments are needed"),
        (#"{"text":""}"#, "text or attachments are needed"),
        (#"{"text":5}"#, "text must be a string"),
        (#"{"text":"x","user":{}}"#, "user must be a string of 1 to 200 bytes, or a whole number"),
        (#"{"text":"x","conversation":""}"#, "conversation must be a string of 1 to 200 bytes, or a whole number"),
        (#"{"text":"x","id":[1]}"#, "id must be a string of 1 to 200 bytes, or a whole number"),
        (#"{"attachments":{}}"#, "attachments must be a list of at most 100"),
        (#"{"attachments":[{"url":""}]}"#, "attachments must be objects with a url or a reference"),
        (
            #"{"attachments":[\#(Array(repeating: "1", count: 101).joined(separator: ","))]}"#,
            "attachments must be a list of at most 100"
        ),
    ]

    @Test(arguments: refusals)
    func `a wrong member is named`(body: String, message: String) {
        #expect(throws: WebhookRejection(.malformed, message)) {
            try Self.adapter.receive(Self.request(Array(body.utf8)), at: Self.now)
        }
    }

    @Test func `a text over the limit is refused`() {
        let adapter = WebAdapter(configuration: WebConfiguration(longestText: 4))
        #expect(throws: WebhookRejection(.malformed, "text must be at most 4 bytes")) {
            try adapter.receive(Self.request(Array(#"{"text":"äää"}"#.utf8)), at: Self.now)
        }
    }

    @Test func `an id of the caller's makes the event the same again, in its own conversation`() throws {
        let one = try Self.event(#"{"conversation":"c1","text":"x","id":"m1"}"#)
        let other = try Self.event(#"{"conversation":"c2","text":"x","id":"m1"}"#)
        #expect(one.id == EventID("c1:m1"))
        #expect(one.id != other.id)
    }

    @Test func `an event without an id has the endpoint's name, or one of its own`() throws {
        #expect(try Self.event(#"{"text":"x"}"#).id == EventID("ev1"))
        let first = try Self.event(#"{"text":"x"}"#, headers: [:]).id
        #expect(try Self.event(#"{"text":"x"}"#, headers: [:]).id != first)
    }

    @Test func `a visitor speaks in the conversation of the session`() throws {
        let event = try Self.event(
            #"{"conversation":"somebody-else","text":"x"}"#, headers: ["X-ChatBridge-Conversation": "visitor-1"])
        #expect(event.place.conversation == ConversationID("visitor-1"))
        #expect(event.sender?.id == PlatformUserID("visitor-1"))
    }
}
