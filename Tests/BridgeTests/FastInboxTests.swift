import BridgeCore
import BridgeTesting
import EventLoop
import HTTPServer
import Inbox
import TestSupport
import Testing

@testable import Bridge

/// `ACK=fast` with an inbox: nothing waits for it longer than it must.
struct FastInboxTests {
    @Test func `alone, the agent is asked at once and the inbox decides before the answer is shown`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        let gate = Gate()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            await inbox.change {
                $0.gate = gate
                $0.verdicts["plain:1"] = .duplicate
            }
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox)
            await engine.bridge.start()
            #expect(engine.take(event("1", "taken before a restart"), event("2", in: "c2", "new")))
            #expect(await eventually { agent.all.count == 2 })
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: new"])
            let story = try await engine.story()
            #expect(story.sorted() == ["in new", "out Re: new"])
            #expect(await inbox.settlements.map(\.names) == [["plain:2"]])
            #expect(engine.metric("chatbridge_events_duplicate_total") == 1)
        }
    }

    @Test(arguments: [false, true]) func `users are answered while the inbox is away or hangs`(_ isShared: Bool)
        async throws
    {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        let gate = Gate()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop, isShared: isShared)
            await inbox.change { $0.isAway = true }
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox)
            await engine.bridge.start()
            #expect(engine.take(event("1", "away")))
            #expect(await eventually { platform.texts == ["Re: away"] })
            await inbox.change {
                $0.isAway = false
                $0.gate = gate
            }
            #expect(engine.take(event("2", "hangs")))
            #expect(await eventually { platform.texts == ["Re: away", "Re: hangs"] })
            gate.open()
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(story.sorted() == ["in away", "in hangs", "out Re: away", "out Re: hangs"])
        }
    }

    @Test func `with others, a claim comes before the agent is asked, and what is theirs is theirs`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop, isShared: true)
            await inbox.change { $0.verdicts["plain:1"] = .forwarded }
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox)
            await engine.bridge.start()
            #expect(engine.take(event("1", "theirs"), event("2", "ours")))
            #expect(await engine.finish() == 0)
            #expect(agent.all.map(\.text) == ["ours"])
            #expect(await inbox.claims.allSatisfy { !$0.payload.isEmpty })
            #expect(await inbox.settlements.map { $0.entries.count } == [1])
        }
    }

    @Test func `an event that was answered without the inbox is not answered again when its claim comes through`()
        async throws
    {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        let gate = Gate()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop, isShared: true)
            await inbox.change { $0.gate = gate }
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox)
            await engine.bridge.start()
            #expect(engine.take(event("1", "hi")))
            #expect(await eventually { platform.texts == ["Re: hi"] })
            gate.open()
            #expect(await eventually { await inbox.settlements.count == 1 })
            let id = try #require(await inbox.claims.first?.id)
            // Or the inbox finds it later, and hands it on.
            await inbox.deliver(event("1", "hi"), id: id)
            #expect(await eventually { await inbox.settlements.count == 2 })
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: hi"])
            #expect(agent.all.count == 1)
        }
    }

    @Test func `what was answered without the inbox is logged, also when its claim meets its own mark`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        let gate = Gate()
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            await inbox.change {
                $0.gate = gate
                $0.verdicts["plain:1"] = .duplicate
            }
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox)
            await engine.bridge.start()
            #expect(engine.take(event("1", "hi")))
            #expect(await eventually { platform.texts == ["Re: hi"] })
            gate.open()
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(story.sorted() == ["in hi", "out Re: hi"])
        }
    }

    @Test func `a newcomer is told which conversations are in work`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let inbox = ScriptedInbox(loop)
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent, inbox: inbox)
            await engine.bridge.start()
            #expect(engine.take(event("1"), event("2"), event("3", in: "c2")))
            #expect(await eventually { agent.all.count == 2 })
            #expect(await inbox.lanesInWork() == ["5:plain7:default2:c1": 2, "5:plain7:default2:c2": 1])
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(await inbox.lanesInWork().isEmpty)
        }
    }
}
