import BridgeCore
import BridgeTesting
import EventLoop
import HTTPServer
import TestSupport
import Testing

@testable import Bridge

/// How the messages of one conversation are answered, and what its user's second thoughts do.
struct ConversationPolicyTests {
    /// An agent that answers `wait…` once the gate is open, and anything else at once.
    private func agent(_ gate: Gate) async throws -> FakeAgent {
        try await FakeAgent { question in
            if question.text.hasPrefix("wait") { await gate.pass() }
            return .says("Re: \(question.text)")
        }
    }

    private func edit(_ id: String, of target: String, _ text: String) -> InboundEvent {
        var edit = event(id, text, disposition: .record)
        edit.kind = .edited
        edit.target = PlatformMessageID(target)
        return edit
    }

    private func deletion(_ id: String, of target: String) -> InboundEvent {
        var deletion = event(id, nil, disposition: .record)
        deletion.kind = .deleted
        deletion.target = PlatformMessageID(target)
        return deletion
    }

    @Test func `coalesce: what comes within the time, or during an answer, is answered as one`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await agent(gate)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) {
                $0.policy = .coalesce(within: .milliseconds(50))
            }
            #expect(engine.take(event("1", "wait"), event("2", "for me")))
            #expect(await eventually { agent.all.count == 1 })
            #expect(engine.take(event("3", "a"), event("4", "b"), event("5", in: "other", "c")))
            #expect(await eventually { platform.texts == ["Re: c"] })
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: c", "Re: wait\nfor me", "Re: a\nb"])
            #expect(platform.all.map(\.replyTo) == ["m-5", "m-2", "m-4"])
            let jobs = try await engine.jobs()
            #expect(jobs.map(\.story).filter { $0.hasPrefix("in") }.count == 5)
            #expect(jobs.filter { $0.metadata.contains("also_in_reply_to") }.count == 2)
            #expect(engine.metric("chatbridge_in_flight") == 0)
        }
    }

    @Test func `coalesce: two people, or a command among words, are not joined`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) {
                $0.policy = .coalesce(within: .milliseconds(50))
            }
            var other = event("2", "from another")
            other.sender = .init(id: PlatformUserID("u2"))
            var command = event("3", "/start")
            command.kind = .command
            command.sender = other.sender
            #expect(engine.take(event("1", "one"), other, command))
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: one", "Re: from another", "Re: /start"])
        }
    }

    @Test func `latest: a newer message breaks off the answer and takes the place of those that wait`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await agent(gate)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) { $0.policy = .latest }
            #expect(engine.take(event("1", "wait 1")))
            #expect(await eventually { agent.all.count == 1 })
            #expect(engine.take(event("2", "wait 2"), event("3", "now")))
            #expect(await engine.finish() == 0)
            gate.open()
            #expect(platform.texts == ["Re: now"])
            let jobs = try await engine.jobs()
            #expect(jobs.map(\.story).filter { $0.hasPrefix("in") } == ["in wait 1", "in wait 2", "in now"])
            #expect(jobs.filter { $0.metadata.contains("superseded_by") }.count == 2)
            #expect(engine.metric("chatbridge_in_flight") == 0)
        }
    }

    @Test func `concurrent: nothing waits for anything`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await agent(gate)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) { $0.policy = .concurrent }
            #expect(engine.take(event("1", "wait"), event("2", "now")))
            #expect(await eventually { platform.texts == ["Re: now"] })
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: now", "Re: wait"])
        }
    }

    @Test(arguments: [BridgeConfiguration.ConversationPolicy.queue, .concurrent])
    func `a message that is deleted during its answer gets none`(
        _ policy: BridgeConfiguration.ConversationPolicy
    ) async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await agent(gate)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) { $0.policy = policy }
            #expect(engine.take(event("1", "wait 1"), event("2", "wait 2"), event("3", "wait 3")))
            #expect(await eventually { agent.all.first?.text == "wait 1" })
            #expect(engine.take(deletion("4", of: "m-1"), deletion("5", of: "m-2"), deletion("6", of: "m-unknown")))
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: wait 3"])
            let story = try await engine.story()
            #expect(story.filter { $0 == "deleted" }.count == 2)
            #expect(engine.metric("chatbridge_in_flight") == 0)
        }
    }

    @Test func `a message that is changed during its answer, or before, is answered as it is now`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await agent(gate)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", "wait"), event("2", "old")))
            #expect(await eventually { agent.all.count == 1 })
            #expect(engine.take(edit("3", of: "m-2", "new"), edit("4", of: "m-1", "at once")))
            #expect(await engine.finish() == 0)
            gate.open()
            #expect(platform.texts == ["Re: at once", "Re: new"])
            #expect(agent.all.map(\.text) == ["wait", "at once", "new"])
        }
    }

    @Test func `what was shown of an answer stays when its message is deleted, and the log says so`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent { _ in
            .speaks(["so far ", "and further ", "and on"], every: .milliseconds(700))
        }
        try await onLoop { loop in
            let engine = Engine(
                loop, adapters: [platform.adapter(editInterval: .milliseconds(50))], agent: agent.agent)
            #expect(engine.take(event("1", "stream")))
            #expect(await eventually { !platform.all("/send").isEmpty })
            #expect(engine.take(deletion("2", of: "m-1")))
            #expect(await engine.finish() == 0)
            let jobs = try await engine.jobs()
            #expect(jobs.contains { $0.metadata.contains("partial") })
            #expect(jobs.map(\.story).contains("deleted"))
            #expect(!platform.story.contains { $0.contains("and on") })
        }
    }
}
