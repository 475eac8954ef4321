internal import BridgeCore
internal import JSON

/// Reads one delivery.
struct GitHubEventReader {
    let root: JSONView
    /// What GitHub calls the event (`X-GitHub-Event`); nil: read off the payload.
    let name: String?
    let botName: String

    /// What the delivery tells.
    func event(id: EventID) -> InboundEvent {
        let comment = root["comment"]
        let sender = self.sender(comment["user"].exists ? comment["user"] : root["sender"])
        guard comment.kind == .object else {
            var event = InboundEvent(
                id: id, kind: .event, disposition: .record, place: place(of: comment), sender: sender)
            event.metadata.add("event", name)
            event.metadata.add("action", root["action"].string)
            return event
        }
        let message = comment["id"].identifier.map { PlatformMessageID($0) }
        let body = comment["body"].string
        var event = InboundEvent(
            id: id, kind: .text, disposition: .record, place: place(of: comment), sender: sender, messageID: message,
            replyTo: (comment["in_reply_to_id"].identifier ?? comment["parent_id"].identifier)
                .map { PlatformMessageID($0) },
            text: body, sentAt: (comment["updated_at"].string ?? comment["created_at"].string).flatMap { Timestamp($0) }
        )
        event.metadata.add("url", comment["html_url"].string)
        event.metadata.add("path", comment["path"].string)
        switch root["action"].string {
        case "edited": (event.kind, event.target) = (.edited, message)
        case "deleted": (event.kind, event.target) = (.deleted, message)
        default:
            if let words = body.flatMap(wordsForBot), isPerson(comment), hasPlaceForAnswer(comment) {
                event.text = words
                event.disposition = .answer
            }
        }
        event.replyContext = replyContext(comment)
        return event
    }

    /// The repository and the number of the issue, pull request or discussion: they share one row of numbers.
    private func place(of comment: JSONView) -> InboundEvent.Place {
        let repository = root["repository"]["full_name"].identifier ?? "github"
        let number = ["issue", "pull_request", "discussion"].lazy.compactMap { root[$0]["number"].identifier }.first
        let conversation: String
        if let number {
            conversation = "\(repository)#\(number)"
        } else if let commit = comment["commit_id"].identifier {
            conversation = "\(repository)@\(commit)"
        } else {
            conversation = repository
        }
        // A remark on a line opens a thread of its own.
        let thread =
            root["pull_request"].exists ? comment["in_reply_to_id"].identifier ?? comment["id"].identifier : nil
        return InboundEvent.Place(
            conversation: ConversationID(conversation), thread: thread.map { ThreadID($0) }, isGroup: true)
    }

    /// True where the payload says where an answer would go.
    private func hasPlaceForAnswer(_ comment: JSONView) -> Bool {
        guard root["repository"]["full_name"].identifier != nil else { return false }
        return comment["commit_id"].identifier != nil
            || ["issue", "pull_request", "discussion"].contains { root[$0]["number"].identifier != nil }
    }

    private func sender(_ user: JSONView) -> InboundEvent.Sender? {
        user["id"].identifier.map { InboundEvent.Sender(id: PlatformUserID($0), name: user["login"].string) }
    }

    /// False for comments of bots and apps, ours among them: two that answer each other never end.
    private func isPerson(_ comment: JSONView) -> Bool {
        let login = comment["user"]["login"].string ?? ""
        let isOurs = login.lowercased() == botName.lowercased() || login.hasSuffix("[bot]")
        return !isOurs && comment["user"]["type"].string != "Bot" && root["sender"]["type"].string != "Bot"
            && comment["performed_via_github_app"].kind != .object
    }

    /// The comment without the bot's name at its begin; nil when it does not call the bot.
    private func wordsForBot(_ body: String) -> String? {
        let call = "@\(botName)".lowercased()
        let lower = body.lowercased()
        guard lower.utf8.count == body.utf8.count else {
            return lower.contains(call) ? body : nil
        }
        var start = lower.startIndex
        while let range = GitHubEventReader.range(of: call, in: lower[start...]) {
            let isWhole = lower[range.upperBound...].first.map { !$0.isLetter && !$0.isNumber && $0 != "-" } ?? true
            guard isWhole else {
                start = range.upperBound
                continue
            }
            guard range.lowerBound == lower.startIndex else { return body }
            let rest = body.utf8.dropFirst(call.utf8.count)
            return String(
                decoding: rest.drop { $0 == 0x20 || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: ":") }, as: UTF8.self)
        }
        return nil
    }

    private static func range(of text: String, in whole: Substring) -> Range<Substring.Index>? {
        var start = whole.startIndex
        while start < whole.endIndex {
            if whole[start...].hasPrefix(text) { return start..<whole.index(start, offsetBy: text.count) }
            start = whole.index(after: start)
        }
        return nil
    }

    /// A discussion is answered by GraphQL, which knows it by another name.
    private func replyContext(_ comment: JSONView) -> [String: String] {
        guard let discussion = root["discussion"]["node_id"].string else { return [:] }
        return ["discussion": discussion]
    }
}
