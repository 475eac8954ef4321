import Agents
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import TestSupport

/// An agent that speaks HTTP over a real socket and answers as a test says.
final class FakeAgent: Sendable {
    /// What it was asked.
    struct Question: Sendable {
        let at: ContinuousClock.Instant
        let conversation: String
        let text: String
        let isStreaming: Bool
    }

    private let server: RecordingServer
    private let questions: QuestionList

    private final class QuestionList: Sendable {
        let list = Mutex<[Question]>([])
    }

    init(_ answer: @escaping @Sendable (Question) async -> HTTPResponse) async throws {
        let questions = QuestionList()
        server = try await RecordingServer { request in
            let body = (try? JSONView(parsing: request.body)) ?? .missing
            let question = Question(
                at: .now, conversation: body["conversation"].string ?? "", text: body["text"].string ?? "",
                isStreaming: body["stream"].bool == true)
            questions.list.withLock { $0.append(question) }
            return await answer(question)
        }
        self.questions = questions
    }

    /// An agent that repeats the question, after `Re: `.
    convenience init() async throws {
        try await self.init { .says("Re: \($0.text)") }
    }

    var all: [Question] { questions.list.withLock { $0 } }

    /// The agent as the engine knows it.
    var agent: HTTPAgent { HTTPAgent(configuration: .init(url: server.url)) }
}

extension HTTPResponse {
    /// An agent's whole answer.
    static func says(_ text: String) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object { $0.field("text", text) }
        return .json(writer.bytes)
    }

    /// An agent's answer piece by piece, with a pause before each; with `isCut` the connection breaks instead of an end.
    static func speaks(_ pieces: [String], every pause: Duration, isCut: Bool = false) -> HTTPResponse {
        .eventStream { writer in
            for piece in pieces {
                try await Task.sleep(for: pause)
                var json = JSONWriter()
                json.object { $0.field("delta", piece) }
                try await writer.send(data: String(decoding: json.bytes, as: UTF8.self))
            }
            try await Task.sleep(for: pause)
            if isCut { throw CancellationError() }
            try await writer.send(data: "[DONE]")
        }
    }
}

/// A door that a test opens: those who wait at it go on, all of them and for good.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func open() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isOpen = true
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}
