import BridgeCore
import JSON

/// Reads the events of an AG-UI run.
///
/// The answer is the text of the messages that the agent itself says, one paragraph each. Where it says none, it is what a
/// snapshot of the conversation or a subagent says; an interrupt's question is an answer too. Events of other types mean
/// nothing to a chat and are skipped, as the protocol asks of types that one does not know.
struct AGUIReader: AnswerReader {
    let words: AgentWords
    private var message: String?
    /// Messages of the user and the like, which a run may repeat.
    private var foreignMessages: Set<String> = []
    /// What is said if the run ends without a word: the last snapshot's, or the subagents'.
    private var spare = ""

    init(words: AgentWords) {
        self.words = words
    }

    func form(mediaType: String, firstByte: UInt8) -> ResponseForm {
        .documentOrEvents(mediaType: mediaType, firstByte: firstByte, advice: "is AGENT_URL right")
    }

    mutating func read(event: JSONView, named name: String, into answer: inout AnswerBuilder) {
        switch event["type"].string {
        case "RUN_STARTED": answer.receipt.requestID = event["runId"].string ?? answer.receipt.requestID
        case "TEXT_MESSAGE_START": begin(event, &answer)
        case "TEXT_MESSAGE_CONTENT": say(event, &answer)
        case "TEXT_MESSAGE_CHUNK":
            let id = event["messageId"].string
            if id != nil, id != message { begin(event, &answer) }
            say(event, &answer)
        case "MESSAGES_SNAPSHOT": spare = AGUIReader.lastAnswer(in: event["messages"])
        case "RUN_FINISHED": finish(event, &answer)
        case "RUN_ERROR":
            let error = AgentWords.find(in: event) ?? event["code"].string
            answer.fail(.error, error.map { words.clean($0) } ?? "the run failed")
        case nil where event["error"].exists || name == "error": read(document: event, into: &answer)
        default: break
        }
    }

    mutating func read(document: JSONView, into answer: inout AnswerBuilder) {
        guard let error = AgentWords.find(in: document) else {
            return answer.fail(.malformed, "the response is no stream of events; is it an AG-UI agent?")
        }
        answer.fail(.error, words.clean(error))
    }

    private mutating func begin(_ event: JSONView, _ answer: inout AnswerBuilder) {
        message = event["messageId"].string
        if let role = event["role"].string, role != "assistant", let message { foreignMessages.insert(message) }
        answer.beginParagraph()
    }

    private mutating func say(_ event: JSONView, _ answer: inout AnswerBuilder) {
        let text = event["delta"].string ?? ""
        if let id = event["messageId"].string ?? message, foreignMessages.contains(id) { return }
        if event["subagentRunId"].string == nil {
            answer.receipt.messageID = answer.receipt.messageID ?? event["messageId"].string ?? message
            answer.say(text)
        } else if spare.utf8.count + text.utf8.count <= AnswerBuilder.limit {
            spare += text
        }
    }

    private mutating func finish(_ event: JSONView, _ answer: inout AnswerBuilder) {
        for usage in event["usage"].elements {
            answer.receipt.inputTokens = (answer.receipt.inputTokens ?? 0) + (usage["inputTokens"].int ?? 0)
            answer.receipt.outputTokens = (answer.receipt.outputTokens ?? 0) + (usage["outputTokens"].int ?? 0)
        }
        let outcome = event["outcome"]
        let reason = outcome["type"].string ?? outcome.string
        answer.receipt.finishReason = reason
        if reason == "interrupt" {
            for interrupt in outcome["interrupts"].elements {
                answer.beginParagraph()
                answer.say(interrupt["message"].string ?? "")
            }
            let names = outcome["interrupts"].elements.compactMap { $0["id"].string }
            answer.receipt.continuation = names.isEmpty ? nil : names.joined(separator: "\n")
        }
        if !answer.hasContent { answer.say(spare) }
        guard !answer.hasContent else { return answer.finish() }
        switch reason {
        case "interrupt": answer.fail(.suspended, "the agent waits for something that nobody here can give")
        case "cancelled": answer.fail(.error, "the run was cancelled")
        default: answer.finish()
        }
    }

    /// The words of the assistant after the last message of the user.
    private static func lastAnswer(in messages: JSONView) -> String {
        var texts: [String] = []
        for message in messages.elements {
            switch message["role"].string {
            case "user": texts = []
            case "assistant":
                if let text = message["content"].string, !text.isBlank { texts.append(text) }
            default: break
            }
        }
        return texts.joined(separator: "\n\n")
    }
}
