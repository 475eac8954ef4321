import EventLoop
import Glibc
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import TestSupport
import Testing
import WebSocket

/// The program itself at the gateways of Discord and Slack, with echo for an agent and a SQLite file of its own.
@Suite struct GatewayTests {
    private static func start(_ variables: [String: String], in folder: TemporaryFolder) throws -> ChildProcess {
        let port = TestEnvironment.freePort()
        var environment = variables
        environment["PORT"] = "\(port)"
        environment["AGENT"] = "echo"
        environment["DATABASE_URL"] = "sqlite:\(folder.path("chat.db"))"
        environment["SPOOL_DIR"] = folder.path("spool")
        let bridge = try ChildProcess(
            [TestEnvironment.chatbridge, "run"], environment: environment, output: folder.path("bridge.log"))
        try awaitListener(on: port, of: bridge)
        return bridge
    }

    @Test(.timeLimit(.minutes(3)))
    func `Discord: messages are answered, and a cut connection is resumed without a loss`() async throws {
        let folder = TemporaryFolder()
        let discord = try await GatewayServer { socket, number, server in
            try await socket.send(text: #"{"op":10,"d":{"heartbeat_interval":1000}}"#)
            for try await message in socket.messages {
                guard case .text(let text) = message, let frame = try? JSONView(parsing: Array(text.utf8)) else {
                    continue
                }
                server.note("\(number): op \(frame["op"].int ?? -1)\(frame["d"]["seq"].int.map { " seq \($0)" } ?? "")")
                switch frame["op"].int {
                case 1: try await socket.send(text: #"{"op":11}"#)
                case 2:
                    try await socket.send(
                        text:
                            #"{"op":0,"s":1,"t":"READY","d":{"session_id":"s1","resume_gateway_url":"\#(server.socketURL)","#
                            + #""user":{"id":"99","username":"bridge","bot":true}}}"#)
                    try await socket.send(text: discordMessage(2, "one"))
                    // Cut without a word, as by a network that is gone, once the answer is out.
                    guard await eventually({ server.notes.contains { $0.contains("one") } }) else { return }
                    await socket.cut()
                case 6:
                    try await socket.send(text: discordMessage(3, "two"))
                    try await socket.send(text: #"{"op":0,"s":4,"t":"RESUMED","d":{}}"#)
                default: break
                }
            }
        } api: { request, server in
            if request.path == "/gateway/bot" {
                return .json(
                    Array(
                        #"{"url":"\#(server.socketURL)","shards":1,"session_start_limit":{"remaining":9,"reset_after":1}}"#
                            .utf8))
            }
            if request.path == "/channels/7/messages", let body = try? JSONView(parsing: request.body) {
                server.note("sent \(body["content"].string ?? "")")
            }
            return .json(Array(#"{"id":"1000","channel_id":"7"}"#.utf8))
        }
        let bridge = try GatewayTests.start(
            [
                "DISCORD_BOT_TOKEN": "token", "DISCORD_APPLICATION_ID": "99",
                "DISCORD_PUBLIC_KEY": String(repeating: "ab", count: 32), "DISCORD_API_BASE": discord.url,
            ], in: folder)
        #expect(
            await eventually { discord.notes.contains { $0.hasPrefix("sent") && $0.contains("two") } },
            "\(bridge.output)")
        let notes = discord.notes
        #expect(notes.first == "1: op 2")
        #expect(notes.contains("2: op 6 seq 2"))
        #expect(notes.filter { $0.hasPrefix("sent") }.count == 2, "\(notes)")
        #expect(bridge.end() == 0)
        #expect(await eventually { discord.closures.last?.code == .normal })
        #expect(!bridge.output.contains(#""token"#))
    }

    @Test(.timeLimit(.minutes(3)))
    func `Slack: an envelope is acknowledged and answered, and a new connection takes over`() async throws {
        let folder = TemporaryFolder()
        let slack = try await GatewayServer { socket, number, server in
            try await socket.send(text: #"{"type":"hello","num_connections":1}"#)
            try await socket.send(text: slackMessage("e-\(number)", "word \(number)"))
            for try await message in socket.messages {
                guard case .text(let text) = message, let frame = try? JSONView(parsing: Array(text.utf8)) else {
                    continue
                }
                server.note("\(number): \(frame["envelope_id"].string ?? "?")")
                if number == 1 {
                    try await socket.send(text: #"{"type":"disconnect","reason":"warning","debug_info":{}}"#)
                }
            }
        } api: { request, server in
            if request.path == "/apps.connections.open" {
                return .json(Array(#"{"ok":true,"url":"\#(server.socketURL)"}"#.utf8))
            }
            if request.path == "/chat.postMessage", let body = try? JSONView(parsing: request.body) {
                server.note("sent \(body["text"].string ?? "")")
            }
            return .json(Array(#"{"ok":true,"ts":"1.1","channel":"D1","user_id":"UBOT","bot_id":"B1"}"#.utf8))
        }
        let bridge = try GatewayTests.start(
            ["SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_API_BASE": slack.url], in: folder)
        #expect(
            await eventually { slack.notes.contains { $0.contains("sent") && $0.contains("word 2") } },
            "\(bridge.output)")
        #expect(slack.notes.contains("1: e-1") && slack.notes.contains { $0.contains("sent") && $0.contains("word 1") })
        #expect(await eventually { slack.notes.contains("2: e-2") })
        // The first one was closed in good order once the second one was open.
        #expect(await eventually { slack.closures.first?.code == .normal })
        #expect(bridge.end() == 0)
        #expect(!bridge.output.contains("xapp-1") && !bridge.output.contains("xoxb-1"))
    }

    /// `chatbridge run` at the gateway of `chatbridge fake`, as somebody tries a bot of theirs.
    @Test(
        .timeLimit(.minutes(3)),
        arguments: [
            (
                "discord",
                [
                    "DISCORD_BOT_TOKEN": "token", "DISCORD_APPLICATION_ID": "99",
                    "DISCORD_PUBLIC_KEY": String(repeating: "ab", count: 32),
                ], "gateway: identify"
            ),
            ("slack", ["SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"], "socket: opened"),
        ])
    func `a fake's gateway tells what users say, and hears the answers`(
        _ platform: String, _ credentials: [String: String], _ greeting: String
    ) async throws {
        let folder = TemporaryFolder()
        let port = TestEnvironment.freePort()
        var variables = credentials
        variables["\(platform.uppercased())_API_BASE"] = "http://127.0.0.1:\(port)"
        // Nobody listens there: what arrives has come through the gateway.
        variables["PORT"] = "\(TestEnvironment.freePort())"
        let fake = try ChildProcess(
            [TestEnvironment.chatbridge, "fake", platform, "--port", "\(port)"], environment: variables,
            output: folder.path("fake.log"))
        try awaitListener(on: port, of: fake)
        let bridge = try GatewayTests.start(variables, in: folder)
        #expect(await eventually { fake.output.contains(greeting) }, "\(fake.output) \(bridge.output)")
        for text in ["one", "two"] {
            let (code, output) = try ChildProcess.run(
                [
                    "python3", "-c",
                    "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], sys.argv[2].encode()).read().decode())",
                    "http://127.0.0.1:\(port)/_fake/say", #"{"text":"\#(text)"}"#,
                ], in: folder)
            #expect(code == 0 && output.contains("200"), "\(output)")
        }
        #expect(
            await eventually {
                let messages = fake.output.split(separator: "\n").filter { $0.contains("message") }
                return ["one", "two"].allSatisfy { text in messages.contains { $0.hasSuffix(text) } }
            }, "\(fake.output) \(bridge.output)")
        #expect(!fake.output.contains("refused"), "\(fake.output)")
        #expect(bridge.end() == 0)
        #expect(fake.end() == 0)
    }
}

private func discordMessage(_ number: Int, _ text: String) -> String {
    #"{"op":0,"s":\#(number),"t":"MESSAGE_CREATE","d":{"id":"50\#(number)","channel_id":"7","type":0,"content":"\#(text)","#
        + #""timestamp":"2026-01-01T00:00:00.000000+00:00","author":{"id":"42","username":"ada"},"mentions":[],"attachments":[]}}"#
}

private func slackMessage(_ envelope: String, _ text: String) -> String {
    #"{"envelope_id":"\#(envelope)","type":"events_api","accepts_response_payload":false,"payload":{"type":"event_callback","#
        + #""event_id":"Ev-\#(envelope)","team_id":"T1","api_app_id":"A1","event":{"type":"message","channel_type":"im","#
        + #""channel":"D1","user":"U1","text":"\#(text)","ts":"1700000000.00\#(text.utf8.last ?? 0)"}}}"#
}

/// A platform with an API and a gateway on one port.
private final class GatewayServer: Sendable {
    typealias Play = @Sendable (WebSocketConnection, Int, GatewayServer.Handle) async throws -> Void
    typealias API = @Sendable (HTTPRequest, GatewayServer.Handle) -> HTTPResponse

    /// What plays and answers see of it.
    final class Handle: Sendable {
        private let lines = Mutex<[String]>([])
        private let ends = Mutex<[WebSocketClosure]>([])
        private let opened = Atomic<Int>(0)
        private let port = Atomic<Int>(0)

        var notes: [String] { lines.withLock { $0 } }
        var closures: [WebSocketClosure] { ends.withLock { $0 } }
        var socketURL: String { "ws://127.0.0.1:\(port.load(ordering: .relaxed))/socket" }

        func note(_ line: String) { lines.withLock { $0.append(line) } }
        func ended(_ closure: WebSocketClosure) { ends.withLock { $0.append(closure) } }
        func nextNumber() -> Int { opened.wrappingAdd(1, ordering: .relaxed).newValue }
        func listens(on port: UInt16) { self.port.store(Int(port), ordering: .relaxed) }
    }

    private let loop: EventLoop
    private let handle = Handle()
    let url: String

    var notes: [String] { handle.notes }
    var closures: [WebSocketClosure] { handle.closures }

    init(_ play: @escaping Play, api: @escaping API) async throws {
        let loop = try EventLoop()
        loop.startThread(name: "fake platform")
        let server = HTTPServer(on: loop) { [handle] request in
            guard request.path == "/socket" || request.path == "/socket/" else { return .now(api(request, handle)) }
            return .webSocket(request) { socket in
                try? await play(socket, handle.nextNumber(), handle)
                if let closure = await socket.closure { handle.ended(closure) }
            }
        }
        try await server.start()
        let port = await server.port
        handle.listens(on: port)
        url = "http://127.0.0.1:\(port)"
        self.loop = loop
    }

    deinit { loop.stop() }
}
