internal import BridgeCore
internal import Inbox

/// A question on its way: taken, and not answered yet.
///
/// A class, since it goes along from step to step: an event is a score of references.
// Unchecked: what varies is read and written on the engine's loop alone.
final class Question: @unchecked Sendable {
    /// Who knows of it besides this process.
    enum Keeping {
        /// Nobody: it dies with the process.
        case here
        /// The inbox knows its names, or will; what it says decides before anything is shown. Nil: it has said that it is new.
        case names([String], PendingVerdict?)
        /// The inbox has all of it until it is settled.
        case payload
    }

    /// How far its answer has come.
    enum Stage {
        /// It waits for its turn.
        case waiting
        /// The agent is asked, and the user sees nothing yet.
        case asking
        /// The agent is speaking, and the user sees some of it.
        case showing
        /// The answer is whole and on its way: nothing can be taken back.
        case delivering
    }

    /// Why its answer is not wanted any more.
    enum Withdrawal {
        /// The user deleted the message.
        case deleted
        /// The user changed the message: it is asked again, with the new words.
        case edited(InboundEvent)
        /// A newer message of the conversation stands in its place.
        case superseded(by: UUID)
        /// The process ends, and others take it over.
        case left
    }

    let id: UUID
    let platform: Bridge.Platform
    let takenAt: ContinuousClock.Instant
    let keeping: Keeping
    /// The conversation's name in the inbox; nil where no other bridge may have a say.
    let lane: String?
    /// How many bridges have died over it.
    let attempts: Int
    /// What a bridge left that had begun to answer; nil when nobody had.
    let progress: [UInt8]?
    /// Nil where nobody traces.
    let trace: MessageTrace?

    var event: InboundEvent
    var stage = Stage.waiting
    var withdrawal: Withdrawal?
    /// Whether there is one; it holds an event, which need not be copied to know.
    var isWithdrawn: Bool { withdrawal != nil }
    /// Questions before this one that its answer is for, too.
    var earlier: [Question] = []
    /// What is written down of it once it is settled; only where the inbox has its payload.
    var jobs: [LogJob] = []
    /// The id under which its answer is written down, where another bridge may come to write it too.
    var answerRow: UUID?
    /// Whether something of the answer may be shown; nil as long as nobody has asked.
    var mayShow: Bool?
    /// Asks that of the inbox.
    var asking: Task<Void, Never>?
    /// When it came to each step.
    var steps: QuestionSteps

    init(
        id: UUID, event: InboundEvent, platform: Bridge.Platform, takenAt: ContinuousClock.Instant, keeping: Keeping,
        lane: String? = nil, attempts: Int = 0, progress: [UInt8]? = nil, trace: MessageTrace? = nil
    ) {
        self.id = id
        self.event = event
        self.platform = platform
        self.takenAt = takenAt
        self.keeping = keeping
        self.lane = lane
        self.attempts = attempts
        self.progress = progress
        self.trace = trace
        steps = QuestionSteps(receivedAt: takenAt)
    }

    /// True where the inbox has all of it.
    var isKept: Bool {
        if case .payload = keeping { true } else { false }
    }

    /// What names it in the inbox.
    var reference: InboxEntry.Reference { InboxEntry.Reference(id: id, lane: lane) }

    /// Whether it and an earlier one may be answered as one: words or files of the same person, with nobody waiting at one of
    /// our own endpoints.
    func canJoin(_ other: Question) -> Bool {
        let joinable: Set<ContentKind> = [.text, .image, .audio, .video, .file, .sticker, .location, .contact]
        return joinable.contains(event.kind) && joinable.contains(other.event.kind)
            && event.sender?.id == other.event.sender?.id && progress == nil && other.progress == nil
            && attempts == other.attempts
    }

    /// Takes earlier questions along: the answer is for all of them, and goes where this one's does.
    func join(_ others: [Question]) {
        guard !others.isEmpty else { return }
        earlier = others
        let events = others.map(\.event) + [event]
        event.text = events.compactMap(\.text).joined(separator: "\n")
        event.attachments = events.flatMap(\.attachments)
    }
}
