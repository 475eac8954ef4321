internal import BridgeCore
internal import Tracing

/// What the answering of one question needs from its first step to its last.
///
/// A class: thousands wait for an agent at a time, and values would lie in the frame of each function that waits for it, with
/// all copies that the functions make. For the same reason what needs room and is not for every question is not inlined there.
// Belongs to the engine's loop.
final class AnswerInWork {
    let question: Question
    let turn: AskedTurn
    let address: ReplyAddress
    /// Who listens at our own endpoint.
    let listener: ReplyListener?
    /// Shows that the answer is being made.
    let typing: TypingIndicator?
    /// The answer while it grows before the user's eyes.
    let reply: StreamedReply?
    /// When it was begun.
    let start: ContinuousClock.Instant
    /// What the agent has answered, once it has.
    var answer: AgentClient.Answer?
    /// What became of that.
    var delivery = Outbox.Delivery()

    init(
        _ question: Question, _ turn: AskedTurn, to address: ReplyAddress, listener: ReplyListener?,
        typing: TypingIndicator?, reply: StreamedReply?, since start: ContinuousClock.Instant
    ) {
        self.question = question
        self.turn = turn
        self.address = address
        self.listener = listener
        self.typing = typing
        self.reply = reply
        self.start = start
    }
}

/// A turn on its way through the functions that ask the agent; for why it is a class see ``AnswerInWork``.
final class AskedTurn {
    var turn: AgentTurn
    /// What the agent is told of the trace.
    var trace: TraceHeaders?
    /// When the first byte of the agent's answer came.
    private(set) var firstByteAt: ContinuousClock.Instant?

    init(_ turn: AgentTurn) {
        self.turn = turn
    }

    /// Notes that bytes of the answer came so long ago; those of the first part count.
    @inline(never) func noteFirstByte(before time: Duration = .zero) {
        if firstByteAt == nil { firstByteAt = .now - time }
    }

    /// The same turn, with the pictures named in its words alone.
    @inline(never) func withoutPictures() -> AskedTurn {
        let bare = AskedTurn(turn)
        bare.trace = trace
        bare.turn.media = []
        bare.turn.event.attachments = []
        return bare
    }
}
