import BridgeCore
import JSON

/// Reads the three forms of answer that ``HTTPAgent`` documents.
struct HTTPAgentReader: AnswerReader {
    let words: AgentWords

    func form(mediaType: String, firstByte: UInt8) -> ResponseForm {
        switch mediaType {
        case "text/event-stream": .events
        case "text/plain", "text/markdown": .text
        case "text/html", "application/xhtml+xml": .foreign("HTML instead of an answer; is AGENT_URL right?")
        default:
            firstByte == UInt8(ascii: "<") ? .foreign("HTML instead of an answer; is AGENT_URL right?") : .document
        }
    }

    mutating func read(event: JSONView, named name: String, into answer: inout AnswerBuilder) {
        if readError(event, &answer) { return }
        readReceipt(event, &answer)
        answer.say(event["delta"].string ?? "")
        attach(event, &answer)
    }

    mutating func read(document: JSONView, into answer: inout AnswerBuilder) {
        if readError(document, &answer) { return }
        readReceipt(document, &answer)
        attach(document, &answer)
        guard document["text"].string != nil || answer.hasContent else {
            return answer.fail(.malformed, "the response has no \"text\"")
        }
        answer.say(document["text"].string ?? "")
    }

    private func attach(_ object: JSONView, _ answer: inout AnswerBuilder) {
        for file in object["attachments"].elements { answer.attach(OutboundAttachment(answer: file)) }
    }

    private func readError(_ object: JSONView, _ answer: inout AnswerBuilder) -> Bool {
        let error = object["error"]
        guard error.exists, !error.isNull, error.bool != false else { return false }
        answer.fail(.error, AgentWords.find(in: error).map { words.clean($0) } ?? "the agent reports an error")
        return true
    }

    private func readReceipt(_ object: JSONView, _ answer: inout AnswerBuilder) {
        answer.receipt.requestID = object["request_id"].idString ?? answer.receipt.requestID
        answer.receipt.finishReason = object["finish_reason"].string ?? answer.receipt.finishReason
    }
}
