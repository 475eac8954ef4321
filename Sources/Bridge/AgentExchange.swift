internal import BridgeCore
internal import HTTPClient
internal import HTTPCore
internal import Tracing

/// One question on its way to an agent and back: what is asked next, and what was answered so far.
///
/// A class, and its steps are neither async nor inlined: thousands wait for an agent at a time, and a value would lie in the frame of each
/// function that waits for it, with all copies that the functions make.
final class AgentExchange {
    /// The longest response that is read: many times what any platform can show.
    private static let maximumResponseBytes = 24 << 20
    /// As many as the largest album of any platform shows.
    private static let maximumAttachments = 10

    /// True when the answer is wanted piece by piece.
    let isStreaming: Bool
    /// When the answer must be whole.
    let end: ContinuousClock.Instant
    private var text = ""
    private var attachments: [OutboundAttachment] = []
    private var receipt = AgentReceipt()
    /// True when the agent has said all, or that there is no more.
    var isOver: Bool { isWhole || failure != nil }

    private let timeout: Duration
    private let trace: TraceHeaders?
    private var request: OutboundRequest?
    private var decoder: (any AgentDecoder)?
    private var untold: [String] = []
    private var failure: AgentFailure?
    private var isWhole = false

    /// Has the agent say how the turn is put to it.
    ///
    /// - Parameter timeout: for a whole answer; while an answer is streamed, the longest silence in it.
    @inline(never) init(_ asked: AskedTurn, with agent: any Agent, timeout: Duration) {
        let turn = asked.turn
        trace = asked.trace
        isStreaming = turn.isStreaming
        self.timeout = timeout
        // A stream that keeps talking may take longer than one silence, but not for ever.
        end = ContinuousClock.now + (turn.isStreaming ? timeout * 4 : timeout)
        switch agent.ask(turn) {
        case .immediate(let events):
            take(events)
        case .request(let request, let decoder):
            self.request = request
            self.decoder = decoder
        }
    }

    /// True for an agent that answered without being asked by a request.
    var isImmediate: Bool { decoder == nil }

    /// The request to send now.
    @inline(never) var httpRequest: HTTPClientRequest {
        var headers = request?.headers ?? HTTPFields()
        trace?.write(to: &headers)
        return HTTPClientRequest(
            method: request?.method ?? .get, url: request?.url ?? "", headers: headers,
            body: request?.body ?? [],
            timeouts: .init(firstByte: timeout, idle: timeout, total: ContinuousClock.now.duration(to: end)),
            maxResponseBytes: AgentExchange.maximumResponseBytes,
            isUntrustedAddress: request?.isUntrustedAddress ?? false)
    }

    /// The head of a response has come.
    @inline(never) func begin(status: HTTPStatus, _ header: @escaping @Sendable (String) -> String?) {
        decoder?.begin(OutboundResponse(status: status, headers: .init(header)))
    }

    /// Takes the next bytes of the response.
    func read(_ bytes: [UInt8]) {
        take(decoder?.decode(bytes) ?? [])
    }

    /// The response has ended.
    func readEnd() {
        guard !isOver else { return }
        take(decoder?.end() ?? [])
    }

    /// What the agent has said and nobody was told yet; nil: all was told.
    func nextPiece() -> String? {
        untold.isEmpty ? nil : untold.removeFirst()
    }

    /// Turns to what the agent wants to be asked after a response that left the answer open.
    ///
    /// - Returns: how long to wait before.
    /// - Throws: `AgentFailure` when it wants nothing, or that would be too late.
    @inline(never) func proceed() throws(AgentFailure) -> Duration {
        guard let next = decoder?.continuation() else {
            throw AgentFailure(.malformed, "the agent's answer has no end")
        }
        guard ContinuousClock.now + next.delay < end else {
            throw AgentFailure(.timeout, "the agent was not done in time")
        }
        request = next.request
        return next.delay
    }

    /// The whole answer.
    ///
    /// - Throws: `AgentFailure` when there is none, or nothing in it.
    @inline(never) func wholeAnswer() throws(AgentFailure) -> AgentClient.Answer {
        if let failure { throw failure }
        guard isWhole else { throw AgentFailure(.malformed, "the agent's answer has no end") }
        guard !attachments.isEmpty || !text.allSatisfy(\.isWhitespace) else {
            throw AgentFailure(.malformed, "the agent's answer is empty", requestID: receipt.requestID)
        }
        return AgentClient.Answer(text: text, attachments: attachments, receipt: receipt)
    }

    private func take(_ events: [AgentEvent]) {
        for event in events {
            switch event {
            case .text(let piece):
                text += piece
                untold.append(piece)
            case .attachment(let attachment):
                guard attachments.count < AgentExchange.maximumAttachments else { continue }
                attachments.append(attachment)
            case .finished(let receipt):
                self.receipt = receipt
                isWhole = true
                return
            case .failed(let failure):
                self.failure = failure
                return
            }
        }
    }
}
