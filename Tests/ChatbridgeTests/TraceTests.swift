import BridgeCore
import JSON
import Journal
import Testing

@testable import chatbridge

struct TraceTests {
    private static let taken = Timestamp(microseconds: 1_790_000_000_000_500)
    private static let question = UUID(version7At: 1_790_000_000_000, fraction: 0, random: 1)

    private static func message(
        _ direction: LogMessage.Direction, id: UUID = question, at: Timestamp = taken, metadata: String = "{}"
    ) -> StoredMessage {
        StoredMessage(
            id: id, session: UUID(high: 1, low: 1), platform: "telegram", account: "default", conversation: "42",
            direction: direction, sender: nil, type: "text", text: "hi", attachments: 0, at: at, request: nil,
            status: direction == .inbound ? "received" : "sent", metadata: Array(metadata.utf8))
    }

    private static let timings =
        #"{"verified":500,"claimed":900,"asked":1000,"first_byte":120000,"agent_done":150000,"delivered":190000}"#

    @Test func `the waterfall is that which the bridge has written down, from the moment the webhook was read`() {
        var trace = Trace()
        trace.take(Self.message(.inbound))
        trace.take(
            Self.message(.outbound, id: UUID(high: 9, low: 9), metadata: #"{"timings":\#(Self.timings)}"#))
        let stages = trace.stages
        #expect(
            stages.map(\.name) == [
                "received", "verified", "claimed", "agent asked", "agent first byte", "agent done", "delivered",
            ])
        #expect(stages.map(\.since) == [0, 500, 900, 1000, 120_000, 150_000, 190_000])
        // The row bears the moment in which it was verified.
        #expect(stages[1].at == Self.taken)
        #expect(stages[0].at == Timestamp(microseconds: Self.taken.microseconds - 500))
    }

    @Test func `the time of the commit closes it, where the database keeps that`() {
        var trace = Trace()
        trace.take(Self.message(.inbound))
        var answer = Self.message(.outbound, id: UUID(high: 9, low: 9), metadata: #"{"timings":\#(Self.timings)}"#)
        answer.loggedAt = Self.taken.advanced(by: .milliseconds(250))
        trace.take(answer)
        #expect(trace.stages.last?.name == "logged")
        #expect(trace.stages.last?.since == 250_500)
    }

    @Test func `what is still in work tells its steps so far`() {
        var trace = Trace()
        trace.id = Self.question
        trace.liveTimings = Array(#"{"verified":200,"asked":300}"#.utf8)
        // Of a message that nothing is logged of, its name tells the time.
        #expect(trace.stages.map(\.name) == ["received", "verified", "agent asked"])
        #expect(trace.stages[1].at == Timestamp(microseconds: 1_790_000_000_000_000))
    }

    @Test func `an answer of an older bridge has the two times that its rows have`() {
        var trace = Trace()
        trace.take(Self.message(.inbound))
        trace.take(Self.message(.outbound, id: UUID(high: 9, low: 9), at: Self.taken.advanced(by: .seconds(2))))
        #expect(trace.stages.map(\.name) == ["received", "delivered"])
        #expect(trace.stages.last?.since == 2_000_000)
    }

    @Test(
        arguments: [
            ([.database, .queue], .queue), ([.database, .dead], .dead), ([.logger, .inbox], .inbox),
            ([.queue, .dead], .dead),
            ([.inbox, .agent, .queue], .agent), ([.inbox, .outbox], .outbox), ([.spool], .spool),
            ([.database], .database),
            ([], nil),
        ] as [([Trace.Sighting.Place], Trace.Sighting.Place?)])
    func `a message is where the least of its way is done`(
        places: [Trace.Sighting.Place], now: Trace.Sighting.Place?
    ) {
        var trace = Trace()
        trace.sightings = places.map { .init(place: $0, part: "question", detail: "") }
        #expect(trace.now?.place == now)
    }

    @Test func `whoever knows the answer's name finds the question`() {
        var trace = Trace()
        let answer = UUID(high: 9, low: 9)
        trace.id = answer
        trace.take(Self.message(.outbound, id: answer, metadata: #"{"in_reply_to":"\#(Self.question)"}"#))
        #expect(trace.id == Self.question)
        #expect(trace.ids == [Self.question, answer])
    }

    @Test func `the object for scripts holds what the lines say`() throws {
        var trace = Trace()
        trace.take(Self.message(.inbound))
        trace.platform = "telegram"
        trace.sightings = [.init(place: .queue, part: "question", detail: "waits")]
        trace.faults = ["redis: away"]
        let root = try JSONView(parsing: trace.json)
        #expect(root["id"].string == Self.question.description)
        #expect(root["now"]["place"].string == "queue")
        #expect(root["stages"][0]["name"].string == "received")
        #expect(root["places"].count == 1)
        #expect(root["not_looked_at"][0].string == "redis: away")
        #expect(try JSONView(parsing: Trace().json)["now"].isNull)
    }

    @Test(arguments: [
        (#"{"message_id":"581"}"#, true), (#"{"message_id":581}"#, true), (#"{"message_ids":["580","581"]}"#, true),
        (#"{"event_id":"581"}"#, true), (#"{"message_id":"5810"}"#, false), (#"{}"#, false),
    ])
    func `the platform's names of a message are known in the forms in which they are written`(
        metadata: String, isNamed: Bool
    ) {
        let message = Self.message(.inbound, metadata: metadata)
        #expect(message.isNamed("581", on: "telegram") == isNamed)
        #expect(!message.isNamed("581", on: "slack"))
    }
}
