package import BridgeCore
internal import JSON

/// Tells what is of a person among jobs, events and dead letters, as they lie in queues and files.
package struct PersonMatcher: Sendable {
    let person: Person
    /// Their messages, as far as they were met: news of these are theirs too.
    package var messages: Set<UUID> = []
    /// The conversations that are theirs alone, as `platform` tells them in receipts.
    package var conversations: Set<String> = []

    package init(_ person: Person) {
        self.person = person
    }

    /// Whether a log job is of the person: said by them, or to them, or news of such a message.
    package mutating func matches(job bytes: [UInt8]) -> Bool {
        guard let root = try? JSONView(parsing: bytes) else { return false }
        return matches(job: root)
    }

    /// Whether a dead letter of the log is about such a job.
    package mutating func matches(letter bytes: [UInt8]) -> Bool {
        guard let job = (try? JSONView(parsing: bytes))?["job"] else { return false }
        if let text = job.string { return matches(job: Array(text.utf8)) }
        return matches(job: job)
    }

    /// Whether what the inbox keeps of an event is of the person.
    package func matches(event bytes: [UInt8]) -> Bool {
        guard let root = try? JSONView(parsing: bytes) else { return false }
        return matches(event: root)
    }

    /// Whether a dead letter of a delivery is about such an event.
    package func matches(delivery bytes: [UInt8]) -> Bool {
        guard let payload = (try? JSONView(parsing: bytes))?["payload"] else { return false }
        if let text = payload.string { return matches(event: Array(text.utf8)) }
        return matches(event: payload)
    }

    private func matches(event root: JSONView) -> Bool {
        root["platform"].string == person.platform && root["event"]["sender"].idString == person.user
    }

    private mutating func matches(job root: JSONView) -> Bool {
        let id = root["id"].string.flatMap { UUID($0) }
        let session = root["session"]
        switch root["kind"].string ?? "message" {
        case "status": return id.map(messages.contains) ?? false
        case "receipt":
            guard session["platform"].string == person.platform, let name = session["conversation"].idString else {
                return false
            }
            return conversations.contains(name)
        default:
            guard session["platform"].string == person.platform,
                root["sender"].idString == person.user || session["user"].idString == person.user
            else { return false }
            if let id { messages.insert(id) }
            return true
        }
    }
}
