import BridgeCore
import JSON

/// Reads what a Chat Completions server answers: one completion, or its chunks.
///
/// Servers answer a request for a stream with one object (errors above all) and the other way round, so the body tells.
/// Reasoning comes under other names than `content` and is not part of the answer.
struct OpenAIReader: AnswerReader {
    let words: AgentWords
    private var refusal = ""
    private var callsTools = false

    init(words: AgentWords) {
        self.words = words
    }

    func form(mediaType: String, firstByte: UInt8) -> ResponseForm {
        .documentOrEvents(mediaType: mediaType, firstByte: firstByte, advice: "is the base URL right")
    }

    mutating func read(event chunk: JSONView, named name: String, into answer: inout AnswerBuilder) {
        if readError(chunk, named: name, &answer) { return }
        readReceipt(chunk, &answer)
        for choice in chunk["choices"].elements where (choice["index"].int ?? 0) == 0 {
            readMessage(choice["delta"], &answer)
            readEnd(choice, &answer)
        }
    }

    mutating func read(document: JSONView, into answer: inout AnswerBuilder) {
        if readError(document, named: "", &answer) { return }
        readReceipt(document, &answer)
        guard document["choices"].kind == .array else {
            return answer.fail(.malformed, "the response has no choices; is it a Chat Completions server?")
        }
        let choice = document["choices"][0]
        readMessage(choice["message"], &answer)
        readEnd(choice, &answer)
    }

    /// Errors come as `{"error":{"message":…}}`, `{"error":"…"}`, `{"object":"error","message":…}`, or in an event `error`.
    private func readError(_ object: JSONView, named name: String, _ answer: inout AnswerBuilder) -> Bool {
        let error = object["error"]
        guard (error.exists && !error.isNull) || object["object"].string == "error" || name == "error" else {
            return false
        }
        let found = AgentWords.find(in: error) ?? AgentWords.find(in: object)
        answer.fail(.error, found.map { words.clean($0) } ?? "the server reports an error")
        return true
    }

    private func readReceipt(_ object: JSONView, _ answer: inout AnswerBuilder) {
        if answer.receipt.requestID == nil, let id = object["id"].string, !id.isEmpty { answer.receipt.requestID = id }
        let usage = object["usage"]
        guard usage.kind == .object else { return }
        answer.receipt.inputTokens = usage["prompt_tokens"].int ?? answer.receipt.inputTokens
        answer.receipt.outputTokens = usage["completion_tokens"].int ?? answer.receipt.outputTokens
    }

    private mutating func readMessage(_ message: JSONView, _ answer: inout AnswerBuilder) {
        let content = message["content"]
        if let text = content.string {
            answer.say(text)
        } else {
            for part in content.elements {
                let type = part["type"].string ?? "text"
                if type == "text" || type == "output_text" { answer.say(part["text"].string ?? "") }
            }
        }
        // What models that paint send by OpenRouter and LiteLLM; OpenAI's own do not.
        for image in message["images"].elements {
            let url = image["image_url"]["url"].string ?? image["image_url"].string
            answer.attach(url.flatMap { OutboundAttachment(answer: $0, contentType: "image/png", name: nil) })
        }
        if let text = message["refusal"].string, refusal.utf8.count + text.utf8.count <= AnswerBuilder.limit {
            refusal += text
        }
        if message["tool_calls"].count > 0 { callsTools = true }
    }

    private mutating func readEnd(_ choice: JSONView, _ answer: inout AnswerBuilder) {
        guard let reason = choice["finish_reason"].string, !reason.isEmpty else { return }
        answer.receipt.finishReason = reason
        guard !answer.hasContent else { return }
        if !refusal.isEmpty {
            // The model's own polite words to the user are a better answer than any line of ours.
            answer.say(refusal)
        } else if reason == "content_filter" {
            answer.fail(.refused, "the answer was filtered")
        } else if callsTools {
            answer.fail(.malformed, "the model calls a tool, though it was given none")
        }
    }
}
