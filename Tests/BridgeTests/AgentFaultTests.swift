import Agents
import BridgeCore
import HTTPCore
import HTTPServer
import Synchronization
import TestSupport
import Testing

@testable import Bridge

/// What agents do instead of answering, and that the user hears of it in bounded time.
struct AgentFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        /// What is logged as the kind of failure.
        let kind: String
        let answer: @Sendable () async -> HTTPResponse
        var testDescription: String { name }
    }

    static let faults: [Fault] = [
        Fault(name: "HTML", kind: "malformed") {
            HTTPResponse(headers: ["Content-Type": "text/html"], body: .bytes(Array("<html>It works!</html>".utf8)))
        },
        Fault(name: "half a JSON", kind: "malformed") { .json(Array(#"{"text":"he"#.utf8)) },
        Fault(name: "nothing", kind: "malformed") { .json([]) },
        Fault(name: "an empty text", kind: "malformed") { .says("") },
        Fault(name: "white space", kind: "malformed") { .says(" \n\t ") },
        Fault(name: "500", kind: "error") { .error(.internalServerError, code: "x", message: "boom") },
        Fault(name: "401", kind: "unauthorized") { .error(.unauthorized, code: "x", message: "who are you") },
        Fault(name: "a connection that is cut", kind: "unreachable") {
            HTTPResponse(
                headers: ["Content-Type": "application/json"],
                body: .stream { writer in
                    try await writer.write(#"{"text":"#)
                    throw CancellationError()
                })
        },
        Fault(name: "silence", kind: "timeout") {
            try? await Task.sleep(for: .seconds(60))
            return .says("too late")
        },
        Fault(name: "a byte at a time", kind: "timeout") {
            HTTPResponse(
                headers: ["Content-Type": "application/json"],
                body: .stream { writer in
                    while true {
                        try await writer.write(" ")
                        try await Task.sleep(for: .milliseconds(100))
                    }
                })
        },
    ]

    @Test(arguments: faults, [false, true])
    func `the user gets the error reply, the log the reason, and the conversation goes on`(
        fault: Fault, isStreaming: Bool
    ) async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent { $0.text == "good" ? .says("fine") : await fault.answer() }
        let adapter = platform.adapter(editInterval: isStreaming ? .milliseconds(100) : nil)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent) {
                $0.errorReply = "sorry"
                $0.agentTimeout = .milliseconds(1500)
            }
            #expect(engine.take(event("1", "bad"), event("2", "good")))
            #expect(await engine.finish(within: .seconds(30)) == 0)
            #expect(agent.all.first?.isStreaming == isStreaming)
            #expect(platform.texts == ["sorry", "fine"])
            let jobs = try await engine.jobs()
            #expect(jobs.map(\.story).sorted() == ["failed", "in bad", "in good", "out fine", "out sorry"])
            let metadata = jobs.filter { $0.story == "failed" || $0.story == "out sorry" }.map(\.metadata)
            #expect(metadata.allSatisfy { $0.contains(#""agent_error":"\#(fault.kind)""#) }, "\(metadata)")
            #expect(engine.metric("chatbridge_agent_failures_total") == 1)
            #expect(engine.metric("chatbridge_in_flight") == 0)
            #expect(engine.logged.all.contains { $0.contains("agent failed") && $0.contains(fault.kind) })
        }
    }

    @Test(arguments: [false, true])
    func `of an answer without end a few megabytes are read`(isStreaming: Bool) async throws {
        let platform = try await FakePlatform()
        let counter = Counted()
        let agent = try await FakeAgent { _ in
            HTTPResponse(
                headers: ["Content-Type": "application/json"],
                body: .stream { writer in
                    let piece = [UInt8](repeating: 0x61, count: 65_536)
                    try await writer.write(#"{"text":""#)
                    while true {
                        try await writer.write(piece)
                        counter.add(piece.count)
                    }
                })
        }
        let adapter = platform.adapter(editInterval: isStreaming ? .milliseconds(100) : nil)
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent) { $0.errorReply = "sorry" }
            #expect(engine.take(event("1")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["sorry"])
            let failed = try await engine.jobs().first { $0.story == "failed" }
            #expect(failed?.metadata.contains("tooLarge") == true)
        }
        // What the sockets hold besides the 8 MiB that are read at most.
        #expect(counter.value < 32 << 20)
    }

    private final class Counted: Sendable {
        private let count = Mutex(0)
        func add(_ amount: Int) { count.withLock { $0 += amount } }
        var value: Int { count.withLock { $0 } }
    }

    @Test func `without an error reply nothing is sent, and the message is logged as failed all the same`()
        async throws
    {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent { _ in .error(.internalServerError, code: "x", message: "boom") }
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent) { $0.errorReply = nil }
            #expect(engine.take(event("1", "hi")))
            #expect(await engine.finish() == 0)
            let story = try await engine.story()
            #expect(platform.all.isEmpty && story == ["in hi", "failed"])
        }
    }

    @Test func `an agent that cannot be reached is said to be so`() async throws {
        let platform = try await FakePlatform()
        let url = "http://127.0.0.1:\(TestEnvironment.freePort())/secret-path"
        try await onLoop { loop in
            let agent = HTTPAgent(configuration: .init(url: url))
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent) { $0.errorReply = "sorry" }
            #expect(engine.take(event("1")))
            #expect(await engine.finish() == 0)
            #expect(platform.texts == ["sorry"])
            let log = engine.logged.all.joined()
            #expect(log.contains("unreachable") && !log.contains("secret-path"))
        }
    }

    @Test func `a captioned file is named to the agent besides its caption`() async throws {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent()
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [platform.adapter()], agent: agent.agent)
            var captioned = event("1", "look")
            captioned.attachments = [BridgeCore.Attachment(kind: .image, name: "cat.jpg")]
            var album = event("2", nil)
            album.attachments = Array(repeating: BridgeCore.Attachment(kind: .image), count: 10_000)
            #expect(engine.take(captioned, album, event("3", nil)))
            #expect(await engine.finish() == 0)
            #expect(agent.all.first?.text == "look\n[image: cat.jpg]")
            #expect(agent.all.dropFirst().first?.text.utf8.count ?? .max < 1000)
            #expect(agent.all.last?.text == "[text]")
        }
    }
}
