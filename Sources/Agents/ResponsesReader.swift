import BridgeCore
import JSON

/// Reads what a Responses server answers: one response, or the events of its making.
///
/// Text comes in `response.output_text.delta`; where a server sends no deltas, it is in the items that it calls done, or in the
/// response with which it ends. Reasoning and tool calls are not part of the answer.
struct ResponsesReader: AnswerReader {
    let words: AgentWords
    private var refusal = ""
    /// The part of the output to which the last delta belonged: another one begins a paragraph.
    private var part: Part?
    /// Pictures that were taken already: a stream tells of each when it is done, and of all at its end.
    private var pictures: Set<String> = []

    private struct Part: Equatable {
        let output: Int64
        let content: Int64

        init(_ event: JSONView) {
            output = event["output_index"].int ?? 0
            content = event["content_index"].int ?? 0
        }
    }

    init(words: AgentWords) {
        self.words = words
    }

    func form(mediaType: String, firstByte: UInt8) -> ResponseForm {
        .documentOrEvents(mediaType: mediaType, firstByte: firstByte, advice: "is the base URL right")
    }

    mutating func read(event: JSONView, named name: String, into answer: inout AnswerBuilder) {
        switch event["type"].string ?? name {
        case "response.created", "response.in_progress", "response.queued": readID(event["response"], &answer)
        case "response.output_text.delta":
            enter(event, &answer)
            answer.say(event["delta"].string ?? "")
        case "response.output_text.done":
            // What deltas have not said; some servers send this alone.
            guard part != Part(event) else { return }
            enter(event, &answer)
            answer.say(event["text"].string ?? "")
        case "response.output_item.done": readPicture(event["item"], &answer)
        case "response.refusal.delta": refuse(event["delta"].string ?? "")
        case "response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done":
            readEnd(event["response"], &answer)
        case "error": fail(event["error"].exists ? event["error"] : event, &answer)
        case "", "response":
            // An error or a whole response, told without an event around it.
            read(document: event, into: &answer)
        default: break
        }
    }

    mutating func read(document: JSONView, into answer: inout AnswerBuilder) {
        let error = document["error"]
        if error.exists, !error.isNull { return fail(error, &answer) }
        guard document["output"].kind == .array || document["status"].string != nil else {
            return answer.fail(.malformed, "the response has no output; is it a Responses server?")
        }
        readEnd(document, &answer)
    }

    /// The whole response, with which a stream ends too.
    private mutating func readEnd(_ response: JSONView, _ answer: inout AnswerBuilder) {
        readID(response, &answer)
        answer.receipt.inputTokens = response["usage"]["input_tokens"].int
        answer.receipt.outputTokens = response["usage"]["output_tokens"].int
        let status = response["status"].string
        if status == "failed" || status == "cancelled" {
            return fail(response["error"], else: "the response was \(status ?? "failed")", &answer)
        }
        for item in response["output"].elements { readPicture(item, &answer) }
        if !answer.hasWords { readOutput(response["output"], &answer) }
        let reason = response["incomplete_details"]["reason"].string
        answer.receipt.finishReason = reason ?? status
        guard !answer.hasContent else { return answer.finish() }
        if !refusal.isEmpty {
            // The model's own polite words to the user are a better answer than any line of ours.
            answer.say(refusal)
        } else if reason == "content_filter" {
            return answer.fail(.refused, "the answer was filtered")
        } else if response["output"].elements.contains(where: { $0["type"].string == "function_call" }) {
            return answer.fail(.malformed, "the model calls a tool, though it was given none")
        }
        answer.finish()
    }

    private mutating func readOutput(_ output: JSONView, _ answer: inout AnswerBuilder) {
        for item in output.elements where (item["type"].string ?? "message") == "message" {
            for content in item["content"].elements {
                switch content["type"].string {
                case "output_text", "text":
                    answer.beginParagraph()
                    answer.say(content["text"].string ?? "")
                case "refusal": refuse(content["refusal"].string ?? "")
                default: break
                }
            }
        }
    }

    private mutating func readPicture(_ item: JSONView, _ answer: inout AnswerBuilder) {
        guard item["type"].string == "image_generation_call", let base64 = item["result"].string else { return }
        guard pictures.insert(item["id"].string ?? "\(pictures.count)").inserted else { return }
        let format = item["output_format"].string ?? "png"
        answer.attach(OutboundAttachment(answer: base64, contentType: "image/\(format)", name: "image.\(format)"))
    }

    private func readID(_ response: JSONView, _ answer: inout AnswerBuilder) {
        if let id = response["id"].string, !id.isEmpty { answer.receipt.requestID = id }
    }

    private mutating func enter(_ event: JSONView, _ answer: inout AnswerBuilder) {
        let next = Part(event)
        if let part, part != next { answer.beginParagraph() }
        part = next
    }

    private mutating func refuse(_ text: String) {
        if refusal.utf8.count + text.utf8.count <= AnswerBuilder.limit { refusal += text }
    }

    private func fail(
        _ error: JSONView, else fallback: String = "the server reports an error", _ answer: inout AnswerBuilder
    ) {
        let code = error["code"].string
        let kind: AgentFailure.Kind = code == "content_filter" || code == "content_policy_violation" ? .refused : .error
        answer.fail(kind, (AgentWords.find(in: error) ?? code).map { words.clean($0) } ?? fallback)
    }
}
