internal import BridgeCore
internal import EventLoop
internal import HTTPClient
internal import HTTPCore

/// Puts questions to the agent and reads its answers, whole or piece by piece, in bounded time and memory.
///
/// A class for the reason of ``AnswerInWork``.
final class AgentClient: Sendable {
    /// The answer's text, and what the agent says of it; a class for the same reason.
    final class Answer: Sendable {
        let text: String
        /// What goes with the text.
        let attachments: [OutboundAttachment]
        let receipt: AgentReceipt

        init(text: String, attachments: [OutboundAttachment] = [], receipt: AgentReceipt) {
            self.text = text
            self.attachments = attachments
            self.receipt = receipt
        }
    }

    /// How long an agent that refuses connections is waited for: as long as a quick restart takes.
    ///
    /// Such a question has surely not been read, so that it may be put again, within the time for the answer.
    private static let restartPatience = Duration.seconds(2)
    /// The first pause before it is put again, doubled up to the longest.
    private static let shortestPause = Duration.milliseconds(50)
    private static let longestPause = Duration.milliseconds(400)
    let agent: any Agent
    let client: HTTPClient
    /// Time for a whole answer; while an answer is streamed, the longest silence in it.
    let timeout: Duration
    /// For an agent that describes itself; nil for one that is asked as it is.
    private let finder: AgentFinder?
    /// Says when the agent is left alone; nil: never.
    private let breaker: AgentBreaker?

    init(agent: any Agent, client: HTTPClient, timeout: Duration) {
        let guarded = agent as? GuardedAgent
        let agent = guarded?.agent ?? agent
        breaker = guarded?.breaker
        self.agent = agent
        self.client = client
        self.timeout = timeout
        finder = (agent as? any AgentDiscovering).map { AgentFinder($0, client: client, timeout: timeout) }
    }

    /// Asks, and calls `onText` with each piece of the text while a streamed answer comes in.
    ///
    /// - Throws: `AgentFailure`; whatever was passed to `onText` before is all there will be.
    func ask(_ turn: AskedTurn, onText: (String) async -> Void) async throws(AgentFailure) -> Answer {
        guard let breaker else { return try await find(turn, onText: onText) }
        let pass = try breaker.admit()
        do throws(AgentFailure) {
            var isSilent = true
            let answer = try await find(turn) { piece in
                if isSilent { breaker.hear(pass) }
                isSilent = false
                await onText(piece)
            }
            breaker.succeed(pass)
            return answer
        } catch {
            breaker.fail(pass, with: error, isAbandoned: Task.isCancelled)
            throw error
        }
    }

    private func find(_ turn: AskedTurn, onText: (String) async -> Void) async throws(AgentFailure) -> Answer {
        if let finder { return try await ask(finder, turn, onText: onText) }
        return try await ask(agent, turn, onText: onText)
    }

    // What few questions need is not inlined here and below: each question that waits for the agent would have room for it.
    @inline(never) private func ask(
        _ finder: AgentFinder, _ turn: AskedTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Answer {
        let agent = try await finder.find()
        do throws(AgentFailure) {
            return try await ask(agent, turn, onText: onText)
        } catch {
            // What it refuses or takes long for says nothing against where it was asked.
            if [.unreachable, .unauthorized, .error, .malformed].contains(error.kind) { await finder.doubt() }
            throw error
        }
    }

    private func ask(
        _ agent: any Agent, _ turn: AskedTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Answer {
        if agent.takesImages, !turn.turn.event.attachments.isEmpty {
            return try await ask(agent, withPictures: turn, onText: onText)
        }
        return try await ask(agent, once: turn, onText: onText)
    }

    /// Asks with the pictures of the question, and where the agent fails for it, without them: the words name them, and
    /// whether a model sees is known to nobody before.
    @inline(never) private func ask(
        _ agent: any Agent, withPictures turn: AskedTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Answer {
        var isSilent = true
        do throws(AgentFailure) {
            return try await ask(agent, once: turn) { piece in
                isSilent = false
                await onText(piece)
            }
        } catch {
            guard isSilent, error.kind == .error, !error.isPassing else { throw error }
            return try await ask(agent, once: turn.withoutPictures(), onText: onText)
        }
    }

    private func ask(
        _ agent: any Agent, once turn: AskedTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Answer {
        let exchange = makeExchange(for: turn, with: agent)
        if exchange.isImmediate {
            while let piece = exchange.nextPiece() { await onText(piece) }
            return try exchange.wholeAnswer()
        }
        while true {
            if exchange.isStreaming {
                try await stream(exchange, of: turn, onText: onText)
            } else {
                try await fetch(exchange, of: turn, onText: onText)
            }
            if exchange.isOver { return try exchange.wholeAnswer() }
            try await pause(for: exchange.proceed())
        }
    }

    @inline(never) private func makeExchange(for turn: AskedTurn, with agent: any Agent) -> AgentExchange {
        AgentExchange(turn, with: agent, timeout: timeout)
    }

    @inline(never) private func pause(for delay: Duration) async throws(AgentFailure) {
        do {
            try await client.loop.sleep(for: delay)
        } catch {
            throw AgentFailure(.unreachable, "the question was given up")
        }
    }

    @inline(never) private func fetch(
        _ exchange: AgentExchange, of turn: AskedTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) {
        do {
            let response = try await connecting(exchange) { (request) async throws(HTTPClientError) in
                try await client.send(request)
            }
            read(response, into: exchange, of: turn)
        } catch {
            throw AgentFailure(error)
        }
        while let piece = exchange.nextPiece() { await onText(piece) }
    }

    @inline(never) private func read(_ response: HTTPClientResponse, into exchange: AgentExchange, of turn: AskedTurn) {
        // How long the rest took to come is known to curl; of an answer in several parts the first counts.
        turn.noteFirstByte(before: response.timeOfBody)
        exchange.begin(status: response.status) { response.header($0) }
        exchange.read(response.body)
        exchange.readEnd()
    }

    @inline(never) private func stream(
        _ exchange: AgentExchange, of turn: AskedTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) {
        do throws(HTTPClientError) {
            let response = try await connecting(exchange) { (request) async throws(HTTPClientError) in
                try await client.stream(request)
            }
            exchange.begin(status: response.status) { response.header($0) }
            var pieces = response.body.makeAsyncIterator()
            while !exchange.isOver, let bytes = try await pieces.next() {
                turn.noteFirstByte()
                exchange.read(bytes)
                while let piece = exchange.nextPiece() { await onText(piece) }
            }
        } catch {
            throw AgentFailure(error)
        }
        exchange.readEnd()
        while let piece = exchange.nextPiece() { await onText(piece) }
    }

    /// Sends, and where nobody takes the connection, sends again for a moment: an agent that is started anew costs no answer.
    @inline(never) private func connecting<Response>(
        _ exchange: AgentExchange, _ send: (HTTPClientRequest) async throws(HTTPClientError) -> Response
    ) async throws(HTTPClientError) -> Response {
        let end = min(exchange.end, .now + AgentClient.restartPatience)
        var pause = AgentClient.shortestPause
        while true {
            do throws(HTTPClientError) {
                return try await send(exchange.httpRequest)
            } catch {
                guard error.code == .connect, !error.mayHaveBeenProcessed, .now + pause < end, !Task.isCancelled else {
                    throw error
                }
                try? await client.loop.sleep(for: pause)
                pause = min(pause * 2, AgentClient.longestPause)
            }
        }
    }
}

extension AgentFailure {
    /// Whether the same question may be answered a little later, going by the status that the words begin with.
    fileprivate var isPassing: Bool {
        ["408", "429", "502", "503", "504"].contains { message.hasPrefix("HTTP \($0)") }
    }

    /// What a failed transfer means for the answer.
    @inline(never) init(_ error: HTTPClientError) {
        switch error.code {
        case .timeout: self.init(.timeout, error.message)
        case .tooLarge: self.init(.tooLarge, error.message)
        case .malformedAnswer: self.init(.malformed, error.message)
        default: self.init(.unreachable, error.message)
        }
    }
}
