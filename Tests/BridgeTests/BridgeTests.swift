import BridgeCore
import BridgeTesting
import EventLoop
import HTTPCore
import HTTPServer
import TestSupport
import Testing

@testable import Bridge

struct BridgeTests {
    @Test func `a conversation is answered one message at a time, in order`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent { question in
            // The first takes longest: were they concurrent, it would be answered last.
            try? await Task.sleep(for: .milliseconds(question.text == "1" ? 150 : 10))
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            for number in 1...5 { #expect(engine.take(event("\(number)", "\(number)"))) }
            #expect(await engine.finish() == 0)
            #expect(platform.texts == (1...5).map { "Re: \($0)" })
            #expect(platform.all.map(\.replyTo) == (1...5).map { "m-\($0)" })
            // Asked only after the one before was delivered.
            for (question, delivery) in zip(agent.all.dropFirst(), platform.all) { #expect(question.at > delivery.at) }
            let story = try await engine.story()
            #expect(story.filter { $0.hasPrefix("in") } == (1...5).map { "in \($0)" })
            #expect(story.filter { $0.hasPrefix("out") } == (1...5).map { "out Re: \($0)" })
            #expect(engine.metric("chatbridge_in_flight") == 0)
        }
    }

    @Test func `conversations and threads do not wait for each other`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            if question.text == "slow" { await gate.pass() }
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(
                engine.take(
                    event("1", in: "a", "slow"), event("2", in: "b", "b"), event("3", in: "a", "t", thread: "t")))
            #expect(await eventually { platform.texts.sorted() == ["Re: b", "Re: t"] })
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(platform.texts.last == "Re: slow")
        }
    }

    @Test func `what is full takes nothing of a webhook, and takes all of it later`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) { $0.maxInFlight = 2 }
            #expect(engine.take(event("1", in: "a", "1")))
            #expect(!engine.take(event("2", in: "b", "2"), event("3", in: "c", "3")))
            #expect(
                !(await engine.bridge.take(
                    [event("2", in: "b", "2"), event("3", in: "c", "3")], from: PlatformName("plain"))))
            // What is only written down needs no room.
            #expect(engine.take(event("4", in: "d", "4", disposition: .record)))
            let story = try await engine.story()
            #expect(story == ["in 1", "in 4"])
            gate.open()
            #expect(await eventually { engine.metric("chatbridge_in_flight") == 0 })
            #expect(engine.take(event("2", in: "b", "2"), event("3", in: "c", "3")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts.sorted() == ["Re: 1", "Re: 2", "Re: 3"])
            #expect(engine.metric("chatbridge_webhooks_overloaded_total") == 2)
        }
    }

    @Test func `a webhook of more events than there is room for is taken when nothing else is in work`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) { $0.maxInFlight = 2 }
            #expect(engine.take(event("1", in: "a"), event("2", in: "b"), event("3", in: "c")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts.count == 3)
        }
    }

    @Test func `one conversation cannot fill the house`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) {
                $0.maxWaitingPerConversation = 2
            }
            // One in work, and two behind it; a webhook of two finds room for one only.
            #expect(engine.take(event("1")) && engine.take(event("2")))
            #expect(!engine.take(event("3"), event("4")))
            #expect(engine.take(event("3")))
            #expect(!engine.take(event("4")))
            #expect(engine.take(event("5", in: "other")))
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(platform.texts.count == 4)
        }
    }

    @Test func `an event that comes again, under its id or another name, is answered once`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", "first", aliases: ["x"])))
            #expect(engine.take(event("1", "again", aliases: ["x"])))
            #expect(engine.take(event("2", "alias", aliases: ["x", "y"])))
            #expect(engine.take(event("y", "alias of an alias")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["Re: first"])
            let story = try await engine.story()
            #expect(story == ["in first", "out Re: first"])
            #expect(engine.metric("chatbridge_events_duplicate_total") == 3)
        }
    }

    @Test func `what calls for no answer is logged and gets none`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(
                engine.take(
                    event("1", "note", disposition: .record), event("2", "talk"), event("3", "x", disposition: .record))
            )
            #expect(await engine.finish() == 0)
            #expect(agent.all.map(\.text) == ["talk"])
            #expect(platform.texts == ["Re: talk"])
            let story = try await engine.story()
            #expect(story == ["in note", "in talk", "in x", "out Re: talk"])
        }
    }

    @Test func `what a platform wants to be told at once does not wait for the agent`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { _ in
            await gate.pass()
            return .says("done")
        }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", followUps: [.acknowledgeButton(id: "b")])))
            #expect(await eventually { platform.story == ["acknowledge"] })
            gate.open()
            #expect(await engine.finish() == 0)
            #expect(platform.story == ["acknowledge", "send done"])
        }
    }

    @Test func `a drain answers what runs and takes nothing new`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        let agent = try await FakeAgent { question in
            await gate.pass()
            return .says("Re: \(question.text)")
        }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", "1")) && engine.take(event("2", "2")))
            let drain = loop.spawn(on: engine.bridge) { #expect(await $0.drain(deadline: .seconds(60)) == 0) }
            #expect(await eventually { !(await engine.bridge.isAccepting) })
            #expect(!engine.take(event("3", "3")))
            gate.open()
            await drain.value
            #expect(platform.texts == ["Re: 1", "Re: 2"])
        }
    }

    @Test func `at the drain's deadline users are told, and their messages are logged as failed`() async throws {
        let platform = try await FakePlatform()
        let gate = Gate()
        defer { gate.open() }
        let agent = try await FakeAgent { _ in
            await gate.pass()
            return .says("too late")
        }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) { $0.errorReply = "sorry" }
            #expect(engine.take(event("1", "1"), event("2", "2"), event("3", in: "other", "3")))
            #expect(await eventually { agent.all.count == 2 })
            #expect(await engine.finish(within: .milliseconds(50)) == 3)
            #expect(platform.texts == ["sorry", "sorry"])
            let story = try await engine.story()
            #expect(story.filter { $0 == "failed" }.count == 3)
            #expect(story.filter { $0 == "out sorry" }.count == 2)
            #expect(engine.metric("chatbridge_in_flight") == 0)
        }
    }

    @Test func `a conversation that moved goes on with its session`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1", in: "old", "before")))
            var move = event("2", in: "old", nil, disposition: .record)
            move.movedTo = ConversationID("new")
            #expect(engine.take(move) && engine.take(event("3", in: "new", "after")))
            #expect(await engine.finish() == 0)
            let sessions = try await engine.jobs().compactMap { job in
                if case .message(let message) = job { message.session.id } else { nil }
            }
            #expect(Set(sessions).count == 1 && sessions.count == 5)
        }
    }

    @Test func `an unknown platform's events are nobody's`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            #expect(engine.take(event("1"), from: "elsewhere"))
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(story.isEmpty && agent.all.isEmpty)
        }
    }
}
