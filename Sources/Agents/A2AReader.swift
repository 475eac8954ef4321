import BridgeCore
import JSON

/// Reads what an A2A agent answers, in either version and binding: a message, or a task and news of it.
///
/// A task's answer is the text of its artifacts. What it says with its last status is added unless the artifacts have it
/// already, and a question back (`input-required`) is an answer like any other. Words on the way ("looking it up…") are kept for
/// the case that there are no others. While a task goes on after the response, it is asked for again.
struct A2AReader: AnswerReader {
    private static let firstPause = Duration.milliseconds(500)
    private static let longestPause = Duration.seconds(5)

    let peer: A2APeer
    let question: UUID
    let words: AgentWords

    /// The task that is not done yet.
    private var openTask: String?
    /// True once the task was asked for again.
    private var isContinuing = false
    private var task: String?
    private var pause = A2AReader.firstPause
    /// The text of each artifact so far and the number of its files, in the order in which they came.
    private var artifacts: [(id: String, text: String, files: Int)] = []
    /// Words on the way.
    private var progress = ""

    init(peer: A2APeer, question: UUID, words: AgentWords) {
        self.peer = peer
        self.question = question
        self.words = words
    }

    func form(mediaType: String, firstByte: UInt8) -> ResponseForm {
        .documentOrEvents(mediaType: mediaType, firstByte: firstByte, advice: "is AGENT_URL right")
    }

    mutating func read(event: JSONView, named name: String, into answer: inout AnswerBuilder) {
        read(document: event, into: &answer)
    }

    mutating func read(document: JSONView, into answer: inout AnswerBuilder) {
        let error = document["error"]
        if error.exists, !error.isNull {
            // An agent that forgets a task once it has told its answer: what was said is the answer.
            if isContinuing, answer.hasContent { return answer.finish() }
            return answer.fail(
                .error, AgentWords.find(in: error).map { words.clean($0) } ?? "the agent reports an error")
        }
        let result = document["result"].exists ? document["result"] : document
        switch result["kind"].string {
        case "message": read(message: result, &answer)
        case "task": read(task: result, &answer)
        case "status-update": read(statusUpdate: result, &answer)
        case "artifact-update": read(artifactUpdate: result, &answer)
        default: readUnmarked(result, &answer)
        }
    }

    /// Version 1.0 names the kind by the member; the task itself is what asking for it returns.
    private mutating func readUnmarked(_ result: JSONView, _ answer: inout AnswerBuilder) {
        if result["message"].kind == .object {
            read(message: result["message"], &answer)
        } else if result["task"].kind == .object {
            read(task: result["task"], &answer)
        } else if result["statusUpdate"].kind == .object {
            read(statusUpdate: result["statusUpdate"], &answer)
        } else if result["artifactUpdate"].kind == .object {
            read(artifactUpdate: result["artifactUpdate"], &answer)
        } else if result["status"].kind == .object, result["id"].string != nil {
            read(task: result, &answer)
        } else if result["parts"].kind == .array {
            read(message: result, &answer)
        } else if result.kind != .object || result["jsonrpc"].exists {
            answer.fail(.malformed, "the response has neither a result nor an error; is it an A2A agent?")
        }
    }

    mutating func continuation() -> AgentContinuation? {
        guard let openTask else { return nil }
        isContinuing = true
        defer { pause = min(pause * 1.5, A2AReader.longestPause) }
        return AgentContinuation(after: pause, peer.taskRequest(openTask, for: question))
    }

    // MARK: The kinds

    private mutating func read(message: JSONView, _ answer: inout AnswerBuilder) {
        name(message["taskId"].string ?? message["messageId"].string, &answer)
        // A message is the whole answer: no task goes on behind it.
        openTask = nil
        answer.beginParagraph()
        answer.say(A2AReader.text(of: message["parts"], separator: "\n"))
        for file in A2AReader.files(of: message["parts"]) { answer.attach(file) }
    }

    private mutating func read(task: JSONView, _ answer: inout AnswerBuilder) {
        name(task["id"].string, &answer)
        for artifact in task["artifacts"].elements { read(artifact: artifact, isMore: false, &answer) }
        let state = read(status: task["status"], &answer)
        guard state == .completed, !answer.hasContent else { return settle(state, task["status"], &answer) }
        // Nothing but what was said on the way, which the task's history has in full.
        for message in task["history"].elements {
            switch message["role"].string {
            case "user", "ROLE_USER": progress = ""
            default: note(message)
            }
        }
        settle(state, task["status"], &answer)
    }

    private mutating func read(statusUpdate update: JSONView, _ answer: inout AnswerBuilder) {
        name(update["taskId"].string, &answer)
        settle(read(status: update["status"], &answer), update["status"], &answer)
    }

    private mutating func read(artifactUpdate update: JSONView, _ answer: inout AnswerBuilder) {
        name(update["taskId"].string, &answer)
        read(artifact: update["artifact"], isMore: update["append"].bool == true, &answer)
        if task != nil, openTask == nil { openTask = task }
    }

    private mutating func name(_ id: String?, _ answer: inout AnswerBuilder) {
        guard let id, !id.isEmpty else { return }
        task = id
        answer.receipt.requestID = id
    }

    // MARK: Artifacts

    /// Says what is new of an artifact: pieces that are appended to it follow each other without a gap, and where a task tells
    /// all of them again, only what was not said before.
    private mutating func read(artifact: JSONView, isMore: Bool, _ answer: inout AnswerBuilder) {
        let id = artifact["artifactId"].string ?? ""
        let text = A2AReader.text(of: artifact["parts"], separator: "")
        let files = A2AReader.files(of: artifact["parts"])
        let index = artifacts.firstIndex { $0.id == id } ?? artifacts.endIndex
        if index == artifacts.endIndex {
            artifacts.append((id, "", 0))
            answer.beginParagraph()
        }
        let seen = isMore ? 0 : artifacts[index].files
        for file in files.dropFirst(seen) { answer.attach(file) }
        artifacts[index].files = isMore ? artifacts[index].files + files.count : max(seen, files.count)
        if !text.isEmpty { read(text, ofArtifact: index, isMore: isMore, &answer) }
    }

    private mutating func read(
        _ text: String, ofArtifact index: Int, isMore: Bool, _ answer: inout AnswerBuilder
    ) {
        let known = artifacts[index].text
        guard known.utf8.count + text.utf8.count <= 2 * AnswerBuilder.limit else { return answer.say(text) }
        if isMore {
            artifacts[index].text += text
            // After another artifact's words this one's begin anew.
            if index != artifacts.endIndex - 1 { answer.beginParagraph() }
            answer.say(text)
        } else if text.utf8.starts(with: known.utf8) {
            artifacts[index].text = text
            answer.say(String(decoding: text.utf8.dropFirst(known.utf8.count), as: UTF8.self))
        } else {
            // Words cannot be taken back: what replaces them is said too.
            artifacts[index].text = text
            answer.beginParagraph()
            answer.say(text)
        }
    }

    // MARK: Status

    private enum State {
        case open, completed, asking, needsCredentials, failed, cancelled, rejected
    }

    /// The state of 0.3 (`input-required`) and of 1.0 (`TASK_STATE_INPUT_REQUIRED`).
    private mutating func read(status: JSONView, _ answer: inout AnswerBuilder) -> State {
        var word = status["state"].string ?? ""
        if word.hasPrefix("TASK_STATE_") { word = String(word.dropFirst("TASK_STATE_".count)) }
        word = word.lowercased().replacing("_", with: "-")
        answer.receipt.finishReason = word
        switch word {
        case "completed": return .completed
        case "input-required": return .asking
        case "auth-required": return .needsCredentials
        case "failed": return .failed
        case "canceled", "cancelled": return .cancelled
        case "rejected": return .rejected
        default: return .open
        }
    }

    /// What a status means for the answer.
    private mutating func settle(_ state: State, _ status: JSONView, _ answer: inout AnswerBuilder) {
        let message = status["message"]
        let text = A2AReader.text(of: message["parts"], separator: "\n")
        openTask = nil
        switch state {
        case .open:
            openTask = task
            note(message)
        case .completed, .asking:
            if state == .asking { answer.receipt.continuation = task }
            add(text, &answer)
            for file in A2AReader.files(of: message["parts"]) { answer.attach(file) }
            if !answer.hasContent { answer.say(progress) }
            answer.finish()
        case .needsCredentials:
            guard !text.isEmpty else { return answer.fail(.suspended, "the agent waits for credentials") }
            answer.receipt.continuation = task
            add(text, &answer)
            answer.finish()
        case .failed: answer.fail(.error, text.isEmpty ? "the task failed" : words.clean(text))
        case .cancelled: answer.fail(.error, text.isEmpty ? "the task was cancelled" : words.clean(text))
        case .rejected: answer.fail(.refused, text.isEmpty ? "the agent rejects the task" : words.clean(text))
        }
    }

    /// Says the words of a last status, unless an artifact has them.
    private func add(_ text: String, _ answer: inout AnswerBuilder) {
        guard !text.isEmpty, !artifacts.contains(where: { $0.text.contains(text) }) else { return }
        answer.beginParagraph()
        answer.say(text)
    }

    private mutating func note(_ message: JSONView) {
        let text = A2AReader.text(of: message["parts"], separator: "\n")
        if !text.isBlank, text.utf8.count <= AnswerBuilder.limit { progress = text }
    }

    /// The files among the parts: of 0.3 (`file`) and of 1.0 (`raw` or `url`).
    private static func files(of parts: JSONView) -> [OutboundAttachment] {
        parts.elements.compactMap { part in
            let file = part["file"].kind == .object ? part["file"] : part
            for name in ["bytes", "raw", "uri", "url"] {
                guard let content = file[name].string else { continue }
                return OutboundAttachment(
                    answer: content, contentType: file["mimeType"].string ?? file["mediaType"].string,
                    name: file["name"].string ?? file["filename"].string)
            }
            return nil
        }
    }

    /// The text of the parts that have one.
    ///
    /// - Parameter separator: between two parts. An artifact's may be pieces of one text, in the order in which they were
    ///   appended to it; a message's are whole. - Returns: where no part has text, the data among them as blocks of JSON: better than an answer without words.
    private static func text(of parts: JSONView, separator: String) -> String {
        let texts = parts.elements.compactMap { $0["text"].string }
        guard texts.isEmpty else { return texts.joined(separator: separator) }
        return parts.elements.map { $0["data"] }.filter(\.exists).map { data in
            var writer = JSONWriter()
            writer.value(data)
            return "```json\n\(String(decoding: writer.bytes, as: UTF8.self))\n```"
        }.joined(separator: "\n")
    }
}
