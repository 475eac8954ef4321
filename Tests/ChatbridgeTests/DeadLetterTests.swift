import BridgeCore
import JSON
import Testing

@testable import chatbridge

struct DeadLetterTests {
    private static let id = "0199a6f0-7c1e-7000-8000-000000000001"

    private static func log(_ job: String) -> DeadLetter {
        DeadLetter(
            .log,
            Array(#"{"error":"refused","at":"2026-11-21T01:50:34.275079Z","logger":"host-1","job":\#(job)}"#.utf8))
    }

    @Test func `a letter of the log names its message, and gives its job back as it was`() throws {
        let job =
            #"{"v":1,"kind":"message","id":"\#(Self.id)","direction":"inbound","session":{"platform":"crm","conversation":"c-17"}}"#
        let letter = Self.log(job)
        #expect(letter.message == UUID(Self.id))
        #expect(letter.error == "refused")
        #expect(letter.summary == "inbound crm c-17")
        #expect(letter.at?.description == "2026-11-21T01:50:34.275079Z")
        #expect(letter.job.map { String(decoding: $0, as: UTF8.self) } == job)
        #expect(letter.isNamed(letter.id) && letter.isNamed(Self.id) && letter.isNamed(Self.id.uppercased()))
        #expect(!letter.isNamed("000000000000") && !letter.isNamed("x"))
    }

    @Test func `the letter of an answer is named by its question too`() {
        let letter = Self.log(
            #"{"id":"0199a6f0-7c1e-7000-8000-000000000002","metadata":{"in_reply_to":"\#(Self.id)"}}"#)
        #expect(letter.isNamed(Self.id) && letter.isNamed("0199a6f0-7c1e-7000-8000-000000000002"))
    }

    @Test func `what was no JSON comes back as the text that it was`() {
        let letter = Self.log(#""junk\n""#)
        #expect(letter.message == nil)
        #expect(letter.job == Array("junk\n".utf8))
        #expect(!letter.isNamed(""))
    }

    @Test func `a letter that nobody can read is shown as it is, and has no job`() {
        let letter = DeadLetter(.log, Array("torn".utf8))
        #expect(letter.job == nil && letter.message == nil && letter.at == nil)
        #expect(letter.id.utf8.count == 12)
        #expect(letter.age(at: .now()) == "?")
        #expect(DeadLetter(.delivery, Array("torn".utf8)).summary == "an event that cannot be read")
    }

    @Test(arguments: [(5, "5 s"), (119, "119 s"), (121, "2 min"), (7201, "2 h"), (172_801, "2 d")])
    func `its age is one number`(seconds: Int, age: String) {
        let letter = Self.log("{}")
        let now = Timestamp("2026-11-21T01:50:34.275079Z")?.advanced(by: .seconds(seconds))
        #expect(letter.age(at: now ?? .now()) == age)
    }

    @Test(arguments: [
        (["frob"], "frob is not list, show, retry or drop"), (["show"], "show needs the ID"),
        (["show", "--all"], "show needs the ID"), (["retry"], "retry needs the ID of a letter, or --all"),
        (["retry", "a1", "--all"], "retry needs the ID of a letter, or --all"), (["drop"], "drop needs"),
        (["list", "--kind", "mail"], "log or delivery is expected"), (["list", "--yes"], "--all and --yes are for"),
        (["list", "--limit", "0"], "a whole number"), (["list", "more"], "more is not understood here"),
    ])
    func `wrong usage is told of in words`(words: [String], message: String) {
        var arguments = Arguments(words)
        let error = #expect(throws: Arguments.UsageError.self) { try DeadOrder(&arguments) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func `without a word all are listed`() throws {
        var arguments = Arguments([])
        let order = try DeadOrder(&arguments)
        #expect(order.verb == .list && order.kinds == [.log, .delivery] && order.limit == 50 && order.name == nil)
    }
}
