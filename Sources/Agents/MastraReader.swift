import BridgeCore
import JSON

/// Reads what Mastra answers: the object of `/generate`, and the chunks `{"type","runId","payload"}` of `/stream`.
///
/// Mastra has sent its streams as `text/plain`, so the content type is not looked at.
struct MastraReader: AnswerReader {
    let isStreaming: Bool
    let words: AgentWords

    func form(mediaType: String, firstByte: UInt8) -> ResponseForm {
        if firstByte == UInt8(ascii: "<") { return .foreign("HTML instead of an answer; is the endpoint right?") }
        return isStreaming ? .events : .document
    }

    mutating func read(event chunk: JSONView, named name: String, into answer: inout AnswerBuilder) {
        if answer.receipt.requestID == nil { answer.receipt.requestID = chunk["runId"].string }
        let payload = chunk["payload"]
        switch chunk["type"].string {
        case "text-delta": answer.say(payload["text"].string ?? "")
        case "text-start": answer.beginParagraph()
        case "file": answer.attach(OutboundAttachment(answer: payload))
        case "error": fail(.error, payload["error"], else: "the agent reports an error", &answer)
        case "tripwire":
            let reason = payload["reason"].exists ? payload["reason"] : payload["tripwireReason"]
            fail(.refused, reason, else: "a tripwire stopped the answer", &answer)
        case "tool-call-approval", "tool-call-suspended":
            let tool = payload["toolName"].string.map { " of the tool \($0)" } ?? ""
            answer.fail(.suspended, words.clean("the agent waits for approval\(tool)"))
        case "abort": answer.fail(.error, "the agent aborted its run")
        case "finish": readFinish(payload, &answer)
        case nil: read(document: chunk, into: &answer)  // an error or an answer, told without a chunk around it
        default: break
        }
    }

    private func readFinish(_ payload: JSONView, _ answer: inout AnswerBuilder) {
        let reason = payload["stepResult"]["reason"].string ?? payload["finishReason"].string
        let usage = payload["output"]["usage"].exists ? payload["output"]["usage"] : payload["usage"]
        end(&answer, reason: reason, usage: usage)
    }

    mutating func read(document: JSONView, into answer: inout AnswerBuilder) {
        answer.receipt.requestID = document["runId"].string ?? answer.receipt.requestID
        let text = document["text"].string ?? ""
        for file in document["files"].elements { answer.attach(OutboundAttachment(answer: file)) }
        let isBlank = text.isBlank
        guard isBlank, !answer.hasContent else {
            if !isBlank { answer.say(text) }
            let usage = document["totalUsage"].kind == .object ? document["totalUsage"] : document["usage"]
            return end(&answer, reason: document["finishReason"].string, usage: usage)
        }
        let tripwire = document["tripwire"]
        if tripwire.kind == .object || tripwire.kind == .string || tripwire.bool == true {
            let reason = tripwire.bool == true ? document["tripwireReason"] : tripwire
            return fail(.refused, reason, else: "a tripwire stopped the answer", &answer)
        }
        if document["error"].exists, !document["error"].isNull {
            return fail(.error, document["error"], else: "the agent reports an error", &answer)
        }
        if document["suspendPayload"].exists, !document["suspendPayload"].isNull {
            return answer.fail(.suspended, "the agent waits for approval")
        }
        guard document["text"].exists || document["finishReason"].exists else {
            return answer.fail(.malformed, "the response has no text; is it Mastra that answers?")
        }
        end(&answer, reason: document["finishReason"].string, usage: .missing)
    }

    /// The end of an answer; without words, its reason tells what kind of failure that is.
    private func end(_ answer: inout AnswerBuilder, reason: String?, usage: JSONView) {
        answer.receipt.finishReason = reason
        answer.receipt.inputTokens = usage["inputTokens"].int ?? usage["promptTokens"].int
        answer.receipt.outputTokens = usage["outputTokens"].int ?? usage["completionTokens"].int
        guard !answer.hasContent else { return answer.finish() }
        switch reason {
        case "error": answer.fail(.error, "the agent reports an error")
        case "tripwire", "content-filter": answer.fail(.refused, "the answer was refused")
        case "suspended": answer.fail(.suspended, "the agent waits for approval")
        default: answer.finish()
        }
    }

    private func fail(
        _ kind: AgentFailure.Kind, _ error: JSONView, else fallback: String, _ answer: inout AnswerBuilder
    ) {
        answer.fail(kind, AgentWords.find(in: error).map { words.clean($0) } ?? fallback)
    }
}
