import Agents
import BridgeCore
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import TestSupport
import Testing

@testable import Bridge

/// An agent that describes itself is looked up before it is asked, and one that works on is asked again.
struct AgentDiscoveryTests {
    /// An A2A agent whose card names its own address, and whose tasks are done at the third look.
    private final class CardServer: Sendable {
        private let server: RecordingServer
        private let state: State

        private final class State: Sendable {
            struct Values {
                var path = "/rpc"
                var hasCard = true
                var looks = 0
            }
            let values = Mutex(Values())
        }

        init() async throws {
            let state = State()
            self.state = state
            server = try await RecordingServer { request in
                state.values.withLock { values in
                    switch request.path {
                    case "/.well-known/agent.json" where values.hasCard:
                        return .json(Array(#"{"url":"\#(values.path)","protocolVersion":"0.3.0"}"#.utf8))
                    case values.path:
                        let body = (try? JSONView(parsing: request.body)) ?? .missing
                        let isDone = body["method"].string == "message/send" || values.looks == 2
                        let text = body["params"]["message"]["parts"][0]["text"].string ?? "late"
                        if text == "slow" || !isDone {
                            values.looks += text == "slow" ? 0 : 1
                            return .json(
                                Array(#"{"result":{"kind":"task","id":"t","status":{"state":"working"}}}"#.utf8))
                        }
                        let parts = #"[{"kind":"text","text":"Re: \#(text)"}]"#
                        return .json(Array(#"{"result":{"kind":"message","messageId":"m","parts":\#(parts)}}"#.utf8))
                    default: return .error(.notFound, code: "not_found", message: "no such thing")
                    }
                }
            }
        }

        var agent: A2AAgent { A2AAgent(configuration: .init(url: server.url)) }
        var cardRequests: Int { server.requests.count { $0.path == "/.well-known/agent.json" } }

        /// Moves the agent, or hides its card.
        func change(path: String? = nil, hasCard: Bool? = nil) {
            state.values.withLock {
                $0.path = path ?? $0.path
                $0.hasCard = hasCard ?? $0.hasCard
            }
        }
    }

    @Test func `the description is fetched once for all questions, and again after a failure`() async throws {
        let platform = try await FakePlatform()
        let server = try await CardServer()
        let adapter = platform.adapter()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: server.agent) { $0.errorReply = "sorry" }
            #expect(
                engine.take(event("1", in: "c1", "one"), event("2", in: "c2", "two"), event("3", in: "c1", "three")))
            #expect(await eventually { platform.texts.count == 3 })
            #expect(Set(platform.texts) == ["Re: one", "Re: two", "Re: three"])
            #expect(server.cardRequests == 1)
            server.change(path: "/elsewhere")
            #expect(engine.take(event("4", "four")))
            #expect(await eventually { platform.texts.count == 4 })
            #expect(platform.texts.last == "sorry")
            #expect(engine.take(event("5", "five")))
            #expect(await eventually { platform.texts.count == 5 })
            #expect(platform.texts.last == "Re: five")
            #expect(server.cardRequests == 2)
            _ = await engine.finish()
        }
    }

    @Test func `without a description users are told, until there is one`() async throws {
        let platform = try await FakePlatform()
        let server = try await CardServer()
        server.change(hasCard: false)
        let adapter = platform.adapter()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: server.agent) { $0.errorReply = "sorry" }
            #expect(engine.take(event("1", "one")))
            #expect(await eventually { platform.texts == ["sorry"] })
            server.change(hasCard: true)
            #expect(engine.take(event("2", "two")))
            #expect(await eventually { platform.texts.count == 2 })
            #expect(platform.texts.last == "Re: two")
            _ = await engine.finish()
            #expect(engine.logged.all.contains { $0.contains("no agent card: HTTP 404") })
        }
    }

    @Test(arguments: [(Duration.seconds(10), "Re: late", ""), (Duration.milliseconds(700), "sorry", "timeout")])
    func `a task that goes on is asked for until it is done or the time is up`(
        timeout: Duration, answer: String, kind: String
    ) async throws {
        let platform = try await FakePlatform()
        let server = try await CardServer()
        let adapter = platform.adapter()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: server.agent) {
                $0.errorReply = "sorry"
                $0.agentTimeout = timeout
            }
            #expect(engine.take(event("1", "slow")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts == [answer])
            let failures = try await engine.jobs().filter { $0.story == "failed" }.map(\.metadata)
            #expect(kind.isEmpty ? failures.isEmpty : failures.allSatisfy { $0.contains(kind) } && !failures.isEmpty)
        }
    }
}
