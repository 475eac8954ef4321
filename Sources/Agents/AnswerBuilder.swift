import BridgeCore

/// Gathers what an agent says into the events of one answer, and keeps the promises of `AgentDecoder`: one end, nothing
/// after it, no empty answer, none larger than the limit.
struct AnswerBuilder: Sendable {
    /// The most text of one answer, in bytes: a hundred times what any platform shows.
    static let limit = 4 << 20

    /// What is known of the answer besides its text.
    var receipt = AgentReceipt()

    /// True once the answer has finished or failed.
    private(set) var isOver = false

    /// True once a text has come that is not white space alone.
    private(set) var hasWords = false

    /// True once there is something to show: words or a file.
    var hasContent: Bool { hasWords || hasFiles }

    private var events: [AgentEvent] = []
    private var size = 0
    private var startsParagraph = false
    private var hasFiles = false

    /// The events since the last call.
    mutating func takeEvents() -> [AgentEvent] {
        defer { events = [] }
        return events
    }

    /// Takes the next piece of text.
    mutating func say(_ text: String) {
        guard !isOver, !text.isEmpty else { return }
        let piece = startsParagraph && hasWords ? "\n\n" + text : text
        startsParagraph = false
        size += piece.utf8.count
        guard size <= AnswerBuilder.limit else {
            return fail(.tooLarge, "the answer's text is larger than \(AnswerBuilder.limit) bytes")
        }
        if !hasWords { hasWords = !text.isBlank }
        events.append(.text(piece))
    }

    /// Takes a file; nil for one that could not be read.
    mutating func attach(_ file: OutboundAttachment?) {
        guard !isOver, let file else { return }
        hasFiles = true
        events.append(.attachment(file))
    }

    /// What comes next is another part of the answer, set off by a blank line.
    mutating func beginParagraph() {
        startsParagraph = true
    }

    /// The answer is whole; without anything in it, that is a failure.
    mutating func finish() {
        guard !isOver else { return }
        guard hasContent else {
            let reason = receipt.finishReason.map { " (finish reason \($0.prefix(40)))" } ?? ""
            return fail(.malformed, "empty answer\(reason)")
        }
        events.append(.finished(receipt))
        isOver = true
    }

    /// There will be no more of the answer.
    mutating func fail(_ kind: AgentFailure.Kind, _ message: String) {
        fail(AgentFailure(kind, message))
    }

    /// There will be no more of the answer.
    mutating func fail(_ failure: AgentFailure) {
        guard !isOver else { return }
        var failure = failure
        failure.requestID = failure.requestID ?? receipt.requestID
        // Words of white space and control characters alone are none.
        if failure.message.isEmpty { failure.message = "the agent does not say why" }
        events.append(.failed(failure))
        isOver = true
    }
}
