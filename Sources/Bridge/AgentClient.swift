internal import BridgeCore
internal import EventLoop
internal import HTTPClient
internal import HTTPCore

/// Puts questions to the agent and reads its answers, whole or piece by piece, in bounded time and memory.
struct AgentClient: Sendable {
    /// The answer's text, and what the agent says of it.
    struct Answer: Sendable {
        var text: String
        /// What goes with the text.
        var attachments: [OutboundAttachment] = []
        var receipt: AgentReceipt
    }

    /// The longest response that is read: many times what any platform can show.
    private static let maximumResponseBytes = 24 << 20
    /// How long an agent that refuses connections is waited for: as long as a quick restart takes.
    ///
    /// Such a question has surely not been read, so that it may be put again, within the time for the answer.
    private static let restartPatience = Duration.seconds(2)
    /// The first pause before it is put again, doubled up to the longest.
    private static let shortestPause = Duration.milliseconds(50)
    private static let longestPause = Duration.milliseconds(400)
    /// As many as the largest album of any platform shows.
    private static let maximumAttachments = 10

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
    func ask(_ turn: AgentTurn, onText: (String) async -> Void) async throws(AgentFailure) -> Answer {
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

    private func find(_ turn: AgentTurn, onText: (String) async -> Void) async throws(AgentFailure) -> Answer {
        guard let finder else { return try await ask(agent, turn, onText: onText) }
        let agent = try await finder.find()
        do throws(AgentFailure) {
            return try await ask(agent, turn, onText: onText)
        } catch {
            // What it refuses or takes long for says nothing against where it was asked.
            if [.unreachable, .unauthorized, .error, .malformed].contains(error.kind) { await finder.doubt() }
            throw error
        }
    }

    /// Asks with the pictures of the question, and where the agent fails for it, without them: the words name them, and
    /// whether a model sees is known to nobody before.
    private func ask(
        _ agent: any Agent, _ turn: AgentTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Answer {
        guard agent.takesImages, !turn.event.attachments.isEmpty else {
            return try await ask(agent, once: turn, onText: onText)
        }
        var isSilent = true
        do throws(AgentFailure) {
            return try await ask(agent, once: turn) { piece in
                isSilent = false
                await onText(piece)
            }
        } catch {
            guard isSilent, error.kind == .error, !error.isPassing else { throw error }
            var turn = turn
            turn.media = []
            turn.event.attachments = []
            return try await ask(agent, once: turn, onText: onText)
        }
    }

    private func ask(
        _ agent: any Agent, once turn: AgentTurn, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Answer {
        var answer = Answer(text: "", receipt: AgentReceipt())
        switch agent.ask(turn) {
        case .immediate(let events):
            guard try await take(events, into: &answer, onText: onText) else {
                throw AgentFailure(.malformed, "the agent's answer has no end")
            }
        case .request(let request, var decoder):
            // A stream that keeps talking may take longer than one silence, but not for ever.
            let end = ContinuousClock.now + (turn.isStreaming ? timeout * 4 : timeout)
            var request = request
            while true {
                let isOver =
                    turn.isStreaming
                    ? try await stream(request, until: end, decoder: &decoder, into: &answer, onText: onText)
                    : try await fetch(request, until: end, decoder: &decoder, into: &answer, onText: onText)
                if isOver { break }
                guard let next = decoder.continuation() else {
                    throw AgentFailure(.malformed, "the agent's answer has no end")
                }
                request = try await wait(for: next, until: end)
            }
        }
        guard !answer.attachments.isEmpty || !answer.text.allSatisfy(\.isWhitespace) else {
            throw AgentFailure(.malformed, "the agent's answer is empty", requestID: answer.receipt.requestID)
        }
        return answer
    }

    private func wait(
        for next: AgentContinuation, until end: ContinuousClock.Instant
    ) async throws(AgentFailure) -> OutboundRequest {
        guard ContinuousClock.now + next.delay < end else {
            throw AgentFailure(.timeout, "the agent was not done in time")
        }
        do {
            try await client.loop.sleep(for: next.delay)
        } catch {
            throw AgentFailure(.unreachable, "the question was given up")
        }
        return next.request
    }

    private func fetch(
        _ request: OutboundRequest, until end: ContinuousClock.Instant, decoder: inout any AgentDecoder,
        into answer: inout Answer, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Bool {
        let response: HTTPClientResponse
        do {
            response = try await connecting(until: end) { () async throws(HTTPClientError) in
                try await client.send(httpRequest(request, until: end))
            }
        } catch {
            throw AgentFailure(error)
        }
        decoder.begin(OutboundResponse(status: response.status, headers: .init { response.header($0) }))
        if try await take(decoder.decode(response.body), into: &answer, onText: onText) { return true }
        return try await take(decoder.end(), into: &answer, onText: onText)
    }

    private func stream(
        _ request: OutboundRequest, until end: ContinuousClock.Instant, decoder: inout any AgentDecoder,
        into answer: inout Answer, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Bool {
        do {
            let response = try await connecting(until: end) { () async throws(HTTPClientError) in
                try await client.stream(httpRequest(request, until: end))
            }
            decoder.begin(OutboundResponse(status: response.status, headers: .init { response.header($0) }))
            for try await bytes in response.body {
                if try await take(decoder.decode(bytes), into: &answer, onText: onText) { return true }
            }
        } catch let error as HTTPClientError {
            throw AgentFailure(error)
        } catch let failure as AgentFailure {
            throw failure
        } catch {
            throw AgentFailure(.unreachable, "the question was given up")
        }
        return try await take(decoder.end(), into: &answer, onText: onText)
    }

    /// Sends, and where nobody takes the connection, sends again for a moment: an agent that is started anew costs no answer.
    private func connecting<Response>(
        until end: ContinuousClock.Instant, _ send: () async throws(HTTPClientError) -> Response
    ) async throws(HTTPClientError) -> Response {
        let end = min(end, .now + AgentClient.restartPatience)
        var pause = AgentClient.shortestPause
        while true {
            do throws(HTTPClientError) {
                return try await send()
            } catch {
                guard error.code == .connect, !error.mayHaveBeenProcessed, .now + pause < end, !Task.isCancelled else {
                    throw error
                }
                try? await client.loop.sleep(for: pause)
                pause = min(pause * 2, AgentClient.longestPause)
            }
        }
    }

    private func httpRequest(_ request: OutboundRequest, until end: ContinuousClock.Instant) -> HTTPClientRequest {
        HTTPClientRequest(
            method: request.method, url: request.url, headers: request.headers, body: request.body,
            timeouts: .init(firstByte: timeout, idle: timeout, total: ContinuousClock.now.duration(to: end)),
            maxResponseBytes: AgentClient.maximumResponseBytes, isUntrustedAddress: request.isUntrustedAddress)
    }

    /// Adds events to the answer; true when they end it.
    private func take(
        _ events: [AgentEvent], into answer: inout Answer, onText: (String) async -> Void
    ) async throws(AgentFailure) -> Bool {
        for event in events {
            switch event {
            case .text(let piece):
                answer.text += piece
                await onText(piece)
            case .attachment(let attachment):
                guard answer.attachments.count < AgentClient.maximumAttachments else { continue }
                answer.attachments.append(attachment)
            case .finished(let receipt):
                answer.receipt = receipt
                return true
            case .failed(let failure):
                throw failure
            }
        }
        return false
    }
}

extension AgentFailure {
    /// Whether the same question may be answered a little later, going by the status that the words begin with.
    fileprivate var isPassing: Bool {
        ["408", "429", "502", "503", "504"].contains { message.hasPrefix("HTTP \($0)") }
    }

    /// What a failed transfer means for the answer.
    init(_ error: HTTPClientError) {
        switch error.code {
        case .timeout: self.init(.timeout, error.message)
        case .tooLarge: self.init(.tooLarge, error.message)
        case .malformedAnswer: self.init(.malformed, error.message)
        default: self.init(.unreachable, error.message)
        }
    }
}
