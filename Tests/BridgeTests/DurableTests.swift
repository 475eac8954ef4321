import BridgeCore
import BridgeTesting
import EventLoop
import HTTPCore
import HTTPServer
import Inbox
import TestSupport
import Testing

@testable import Bridge

/// `ACK=durable`: what the engine asks of the inbox, and what it does with what that says.
struct DurableTests {
    private static let plain = PlatformName("plain")

    private func engine(
        _ loop: EventLoop, _ platform: FakePlatform, _ agent: FakeAgent, _ inbox: ScriptedInbox,
        hasIdempotentSends: Bool = false, configure: (inout BridgeConfiguration) -> Void = { _ in }
    ) async -> Engine {
        let engine = Engine(
            loop, adapters: [platform.adapter(hasIdempotentSends: hasIdempotentSends)], agent: agent.agent, inbox: inbox
        ) {
            $0.acknowledgement = .durable
            configure(&$0)
        }
        await engine.bridge.start()
        return engine
    }

    @Test func `an event is claimed, begun and settled, and its jobs go with the claim and the end`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            #expect(await engine.bridge.take([event("1", "hi", aliases: ["a"])], from: DurableTests.plain))
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: hi"])
            let (claims, begun, ends) = (await inbox.claims, await inbox.begun, await inbox.settlements)
            #expect(claims.map(\.names) == [["plain:1", "plain:a"]])
            #expect(claims.first?.purpose == .answer)
            #expect(claims.first?.lane == "5:plain7:default2:c1")
            #expect(begun.map(\.entries) == [claims.map(\.id)])
            #expect(begun.map(\.progress) == [nil])
            #expect(ends.map { $0.entries.map(\.id) } == [claims.map(\.id)])
            #expect(await inbox.jobs == ["in hi", "out Re: hi"])
            #expect(await inbox.isRetired)
            // Nothing of it goes the other way.
            let story = try await engine.story()
            #expect(story.isEmpty)
        }
    }

    @Test(arguments: [InboxVerdict.duplicate, .forwarded])
    func `what is not this bridge's is acknowledged and not answered`(_ verdict: InboxVerdict) async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            await inbox.change { $0.verdicts["plain:1"] = verdict }
            let engine = await engine(loop, platform, agent, inbox)
            #expect(await engine.bridge.take([event("1", "not ours"), event("2", "ours")], from: DurableTests.plain))
            #expect(await engine.finish() == 0)
            #expect(agent.all.map(\.text) == ["ours"])
            #expect(platform.texts == ["Re: ours"])
        }
    }

    @Test func `an answer is begun when the platform's pace lets it out, not while it waits for that`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let rates = Capabilities.Rates(overall: .init(burst: 1, interval: .seconds(3600)))
            let engine = Engine(
                loop, adapters: [platform.adapter(rates: rates)], agent: agent.agent, inbox: inbox
            ) { $0.acknowledgement = .durable }
            await engine.bridge.start()
            #expect(await engine.bridge.take([event("1", in: "a"), event("2", in: "b")], from: DurableTests.plain))
            #expect(await eventually { platform.texts.count == 1 && agent.all.count == 2 })
            #expect(await eventually { await inbox.settlements.count == 1 })
            #expect(await inbox.begun.count == 1)
            // At a stop it is left to others, with nothing in doubt.
            #expect(await engine.finish(within: .milliseconds(50)) == 1)
            #expect(await inbox.begun.count == 1)
            #expect(await inbox.settlements.count == 1)
        }
    }

    @Test func `nothing is taken before the inbox is ready`() async throws {
        let agent = try await FakeAgent()
        let platform = try await FakePlatform()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: ScriptedInbox(loop))
            #expect(!(await engine.bridge.isAccepting))
            #expect(!engine.take(event("1")))
            await engine.bridge.start()
            #expect(await engine.bridge.isAccepting)
            #expect(engine.take(event("1")))
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `nothing is acknowledged while the inbox is away, and the retry is taken`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            let door = try await FrontDoor(engine)
            let body = #"{"id":"1","conversation":"c","text":"hi"}"#
            await inbox.change { $0.isAway = true }
            let refused = try await door.post("/webhooks/plain", body, headers: ["X-Plain-Token": "plain-token"])
            #expect(refused.status == 503)
            #expect(refused.code == "inbox_away")
            #expect(refused.retryAfter == "2")
            #expect(agent.all.isEmpty)
            await inbox.change { $0.isAway = false }
            let taken = try await door.post("/webhooks/plain", body, headers: ["X-Plain-Token": "plain-token"])
            #expect(taken.status == 200)
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: hi"])
            await door.close()
        }
    }

    @Test func `what is only written down is claimed for that, and an edit as a signal`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            var edit = event("2", "new words", disposition: .record)
            edit.kind = .edited
            edit.target = PlatformMessageID("m-0")
            #expect(await engine.bridge.take([event("1", disposition: .record), edit], from: DurableTests.plain))
            #expect(await engine.finish() == 0)
            #expect(await inbox.claims.map(\.purpose) == [.record, .signal])
            #expect(await inbox.settlements.isEmpty)
        }
    }

    @Test func `an answer is shown by nobody whose question another has by now`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            await inbox.change { $0.isOurs = false }
            let engine = await engine(loop, platform, agent, inbox)
            #expect(await engine.bridge.take([event("1")], from: DurableTests.plain))
            #expect(await engine.finish() == 0)
            #expect(agent.all.count == 1)
            #expect(platform.all.isEmpty)
            #expect(await inbox.settlements.isEmpty)
        }
    }

    @Test func `an answer waits for an inbox that is away, and goes out once it is back`() async throws {
        let platform = try await FakePlatform()
        let inbox = Box<ScriptedInbox>()
        let agent = try await FakeAgent { question in
            await inbox.value?.change { $0.isAway = true }
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let store = ScriptedInbox(loop)
            inbox.value = store
            let engine = await engine(loop, platform, agent, store)
            #expect(await engine.bridge.take([event("1", "hi")], from: DurableTests.plain))
            #expect(await eventually { engine.logged.all.contains { $0.contains("an answer waits for the inbox") } })
            #expect(platform.all.isEmpty)
            await store.change { $0.isAway = false }
            #expect(await eventually { platform.texts == ["Re: hi"] })
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `the journal gets what an inbox that is away cannot be told, and the end is told later`() async throws {
        let inbox = Box<ScriptedInbox>()
        let platform = try await FakePlatform { _, _ in
            await inbox.value?.change { $0.isAway = true }
            return nil
        }
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let store = ScriptedInbox(loop)
            inbox.value = store
            let engine = await engine(loop, platform, agent, store)
            #expect(await engine.bridge.take([event("1", "hi")], from: DurableTests.plain))
            #expect(await eventually { engine.logged.all.contains { $0.contains("cannot be told of an answer") } })
            await store.change { $0.isAway = false }
            #expect(await eventually { await store.settlements.count == 1 })
            #expect(await store.settlements.first?.jobs.isEmpty == true)
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(story == ["out Re: hi"])
        }
    }

    // MARK: Recovery

    @Test func `what another bridge left is answered here, and its end is told`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            let id = UUID(high: 1, low: 2)
            await inbox.deliver(event("1", "left behind"), id: id)
            #expect(await eventually { await inbox.settlements.count == 1 })
            #expect(platform.texts == ["Re: left behind"])
            #expect(await inbox.settlements.first?.entries == [.init(id: id, lane: "lane")])
            #expect(await inbox.settlements.first?.deadLetter == nil)
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `an answer that may have gone out is not sent again: its user is told, and it is a dead letter`()
        async throws
    {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox) { $0.errorReply = "Sorry" }
            await inbox.deliver(event("1", "in doubt"), id: UUID(high: 1, low: 2), progress: "")
            #expect(await eventually { await inbox.settlements.count == 1 })
            #expect(agent.all.isEmpty)
            #expect(platform.texts == ["Sorry"])
            let letter = String(decoding: await inbox.settlements.first?.deadLetter ?? [], as: UTF8.self)
            #expect(letter.contains("in doubt") && letter.contains("whether that arrived is not known"))
            // Should this bridge die over it too, nobody tells the user again.
            #expect(await inbox.begun.map(\.progress) == [#"{"told":true}"#])
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `what was lost with the lease is left alone, and answered should it come again`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            for number in 1...3 {
                #expect(await engine.bridge.take([event("\(number)", "\(number)")], from: DurableTests.plain))
            }
            #expect(await eventually { agent.all.count == 1 })
            #expect(await eventually { await inbox.claims.count == 3 })
            await inbox.lose()
            let claims = await inbox.claims
            for number in [1, 2] {
                await inbox.deliver(event("\(number)", "\(number)"), id: claims[number - 1].id)
            }
            gate.open()
            #expect(await eventually { await inbox.settlements.count == 2 })
            #expect(platform.texts == ["Re: 1", "Re: 2"])
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `a user who was told is not told again`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            await inbox.deliver(event("1"), id: UUID(high: 1, low: 2), attempts: 2, progress: #"{"told":true}"#)
            #expect(await eventually { await inbox.settlements.count == 1 })
            #expect(platform.all.isEmpty)
            #expect(await inbox.settlements.first?.deadLetter != nil)
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `where the platform takes a message of one name once, the same answer is sent again`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox, hasIdempotentSends: true)
            #expect(await engine.bridge.take([event("1", "hi")], from: DurableTests.plain))
            #expect(await eventually { await inbox.settlements.count == 1 })
            let begun = try #require(await inbox.begun.first)
            let progress = try #require(begun.progress)
            // As if it had died right after.
            await inbox.deliver(event("1", "hi"), id: try #require(begun.entries.first), progress: progress)
            #expect(await eventually { await inbox.settlements.count == 2 })
            #expect(agent.all.count == 1)
            #expect(platform.texts == ["Re: hi", "Re: hi"])
            // Written down by both under one id: the store keeps one row.
            let rows = await inbox.settlements.flatMap(\.jobs).compactMap { bytes -> UUID? in
                guard case .message(let message)? = try? LogJob(decoding: bytes) else { return nil }
                return message.direction == .outbound ? message.id : nil
            }
            #expect(rows.count == 2 && Set(rows).count == 1)
            let names = Set(platform.all.map(\.action))
            #expect(names.count == 1 && names.first?.isEmpty == false)
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `questions over which many bridges died are tried one at a time, and the inbox knows which`()
        async throws
    {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            for number in 1...3 {
                await inbox.deliver(
                    event("\(number)", in: "c\(number)", "\(number)"), id: UUID(high: 1, low: UInt64(number)),
                    attempts: 10)
            }
            #expect(await engine.bridge.take([event("4", in: "c4", "not suspect")], from: DurableTests.plain))
            #expect(await eventually { agent.all.count == 2 })
            #expect(await inbox.begun.map(\.progress) == [#"{"tried":true}"#])
            gate.open()
            #expect(await eventually { await inbox.settlements.count == 4 })
            #expect(platform.texts.sorted() == ["Re: 1", "Re: 2", "Re: 3", "Re: not suspect"])
            #expect(await inbox.begun.filter { $0.progress != nil }.count == 3)
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `a question over which a bridge died when it was tried alone is touched by no other`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox) { $0.errorReply = "Sorry" }
            await inbox.deliver(
                event("1", "deadly"), id: UUID(high: 1, low: 2), attempts: 11, progress: #"{"tried":true}"#)
            #expect(await eventually { await inbox.settlements.count == 1 })
            #expect(agent.all.isEmpty)
            #expect(platform.texts == ["Sorry"])
            #expect(await inbox.settlements.first?.deadLetter != nil)
            #expect(engine.metric("chatbridge_dead_questions_total") == 1)
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `what nobody can read becomes a dead letter`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = Engine(loop, adapters: [], agent: agent.agent, inbox: inbox) { $0.acknowledgement = .durable }
            await engine.bridge.start()
            await inbox.deliver(event("1"), id: UUID(high: 1, low: 2))
            #expect(await eventually { await inbox.settlements.first?.deadLetter != nil })
            #expect(platform.all.isEmpty)
            #expect(await engine.finish() == 0)
        }
    }

    @Test func `at a stop, questions that the inbox has are left to others without a word`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = await engine(loop, platform, agent, inbox)
            #expect(await engine.bridge.take([event("1"), event("2")], from: DurableTests.plain))
            #expect(await eventually { agent.all.count == 1 })
            #expect(await engine.finish(within: .milliseconds(50)) == 2)
            #expect(platform.all.isEmpty)
            #expect(await inbox.settlements.isEmpty)
            #expect(await inbox.isRetired)
            gate.open()
        }
    }
}

/// A place for something that is made later.
private final class Box<Value: Sendable>: @unchecked Sendable {
    // Unchecked: set before anything that reads it is started.
    var value: Value?
}
