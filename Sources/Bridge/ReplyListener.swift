internal import BridgeCore

/// Somebody at our own endpoint who waits for an answer: hears it piece by piece, or once it is whole.
final class ReplyListener: Sendable {
    /// What a listener hears.
    enum News: Sendable {
        /// The next piece of the text.
        case text(String)
        /// The answer is whole, with what goes with it.
        case done(text: String, attachments: [OutboundAttachment])
        /// There is no answer.
        case failed(AgentFailure)
    }

    /// True when the pieces are wanted.
    let isStreaming: Bool
    /// True when the answer comes here instead of going to the platform: a simulated webhook is from nobody.
    let isDiverting: Bool
    /// What is heard, to be read once; ends after `done` or `failed`.
    let news: AsyncStream<News>
    private let continuation: AsyncStream<News>.Continuation

    init(isStreaming: Bool, isDiverting: Bool = false) {
        self.isStreaming = isStreaming
        self.isDiverting = isDiverting
        (news, continuation) = AsyncStream.makeStream(of: News.self)
    }

    func receive(_ item: News) {
        if case .text = item, !isStreaming { return }
        continuation.yield(item)
        if case .text = item { return }
        continuation.finish()
    }
}
