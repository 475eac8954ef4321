import BridgeCore
import JSON
import Testing

@Suite struct LogJobTests {
    private static let id = UUID(version7At: 1_790_000_000_000, fraction: 1, random: 2)
    private static let session = UUID(version7At: 1_790_000_000_000, fraction: 3, random: 4)
    private static let at = Timestamp(microseconds: 1_790_000_000_123_456)

    static let jobs: [LogJob] = [
        .message(
            LogMessage(
                id: id, at: at, session: .init(id: session, platform: "telegram", conversation: "-100123", user: "42"),
                direction: .inbound, sender: "42", text: "hi \"there\"\n\u{0}\u{1F600}", status: .received)),
        .message(
            LogMessage(
                id: id, at: at,
                session: .init(id: session, platform: "slack", account: "T1", conversation: "C1", thread: "17.1"),
                direction: .outbound, type: "image", text: nil, attachments: Array(#"[{"kind":"image"}]"#.utf8),
                request: "run-1", status: .sent, metadata: Array(#"{"a":{"b":[1,2.5,null]}}"#.utf8))),
        .status(LogStatusChange(id: id, at: at, status: .delivered, metadata: Array(#"{"x":1}"#.utf8))),
        .status(
            LogStatusChange(id: id, at: at, status: .received, stored: Array(#"{"0":{"key":"a/0.jpg"}}"#.utf8))),
        .receipt(
            LogReceipt(
                id: id, at: at, platform: "whatsapp", account: "2", conversation: "c", status: .read,
                messages: ["wamid.1", "2"], upTo: at, metadata: Array(#"{"x":1}"#.utf8))),
    ]

    @Test(arguments: [
        String(repeating: "[", count: 1 << 20), String(repeating: #"{"a":"#, count: 100_000) + "1",
        #"{"v":1,"kind":"message","metadata":"# + String(repeating: "[", count: 100_000)
            + String(repeating: "]", count: 100_000) + "}",
    ])
    func `what is nested deeper than any stack is refused`(text: String) {
        #expect(throws: (any Error).self) { try LogJob(decoding: Array(text.utf8)) }
    }

    @Test(arguments: jobs)
    func `a job comes back as it went`(job: LogJob) throws {
        #expect(try LogJob(decoding: job.encoded()) == job)
    }

    @Test func `the JSON is that of the outside contract`() {
        let text = String(decoding: Self.jobs[0].encoded(), as: UTF8.self)
        #expect(
            text
                == #"{"v":1,"kind":"message","id":"\#(Self.id)","at":"\#(Self.at)","session":{"id":"\#(Self.session)","#
                + #""platform":"telegram","account":"default","conversation":"-100123","user":"42"},"direction":"inbound","#
                + "\"sender\":\"42\",\"type\":\"text\",\"text\":\"hi \\\"there\\\"\\n\\u0000\u{1F600}\",\"attachments\":[],"
                + #""status":"received","metadata":{}}"#)
    }

    @Test func `a job of another program needs only the fields that cannot be guessed`() throws {
        let text = """
            {"id":"\(Self.id)","at":"2026-11-20T10:00:00Z","direction":"outbound","later":"ignored",
             "session":{"id":"\(Self.session)","platform":"web","conversation":12345678901}}
            """
        guard case .message(let message) = try LogJob(decoding: Array(text.utf8)) else {
            Issue.record("a message is expected")
            return
        }
        #expect(message.status == .sent)
        #expect(message.type == "text")
        #expect(message.session.conversation == "12345678901")
        #expect(message.session.account == "default")
        #expect(message.attachments == LogMessage.noAttachments)
    }

    @Test(arguments: [
        ("", LogJob.DecodingError.notJSON), ("[]", .notJSON), ("{", .notJSON),
        (#"{"v":2}"#, .newerVersion(2)), ("{}", .invalid(field: "id")), (#"{"id":"x"}"#, .invalid(field: "id")),
        (#"{"id":"\#(id)","at":"soon"}"#, .invalid(field: "at")),
        (#"{"id":"\#(id)","at":"\#(at)","kind":"poem"}"#, .invalid(field: "kind")),
        (#"{"id":"\#(id)","at":"\#(at)"}"#, .invalid(field: "session.id")),
        (#"{"id":"\#(id)","at":"\#(at)","kind":"status","status":"odd"}"#, .invalid(field: "status")),
    ])
    func `what is no job says why`(text: String, error: LogJob.DecodingError) {
        #expect(throws: error) { try LogJob(decoding: Array(text.utf8)) }
    }

    @Test func `statuses have one order`() {
        let ranks = MessageStatus.allCases.map(\.rank)
        #expect(ranks == ranks.sorted() && Set(ranks).count == ranks.count)
    }
}
