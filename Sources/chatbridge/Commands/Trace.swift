import BridgeCore
import JSON
import Journal

/// What is known of one message: its question, its answers, where it is now and when it came to each step.
struct Trace: Sendable {
    /// One place where something of the message was met, the earliest on its way first.
    struct Sighting: Sendable {
        /// Where a message can be.
        enum Place: String, Sendable {
            /// Taken, and not answered yet.
            case inbox
            /// The agent is asked.
            case agent
            /// The answer is whole and on its way to the platform, or may be.
            case outbox
            /// Its log job waits on a disk, since the queue is away.
            case spool
            /// Its log job waits for a logger.
            case queue
            /// A logger has its log job in hand.
            case logger
            /// It could not be answered or written.
            case dead
            /// It is written down for good.
            case database
        }

        let place: Place
        /// Which part of it: `question`, `answer`, `status`.
        let part: String
        /// For a person to read.
        let detail: String
    }

    /// One step of its way.
    struct Stage: Sendable {
        let name: String
        let at: Timestamp
        /// Microseconds since the first step.
        let since: Int64
    }

    /// The message that was sent to us; nil where only others tell of it.
    var question: StoredMessage?
    /// What it was answered with, oldest first.
    var answers: [StoredMessage] = []
    /// Our name of the question, as far as it is known.
    var id: UUID?
    /// Of the message, also where nothing of it is logged yet.
    var platform: String?
    var conversation: String?
    var sightings: [Sighting] = []
    /// The steps as the bridge that has it in work tells them; see `Question.timings`.
    var liveTimings: [UInt8]?
    /// Places that could not be looked at, and why.
    var faults: [String] = []

    /// Where it is now: where its question is in work, or else where somebody has to do something, or else the first place on
    /// the way of its log jobs.
    var now: Sighting? {
        // The bridge that has it in work knows best.
        if liveTimings != nil, let first = sightings.first { return first }
        let order: [Sighting.Place] = [.outbox, .agent, .inbox, .dead, .spool, .queue, .logger, .database]
        return order.lazy.compactMap { place in sightings.first { $0.place == place } }.first
    }

    /// Whether anything at all is known of it.
    var isKnown: Bool { question != nil || !answers.isEmpty || !sightings.isEmpty }
}

extension Trace {
    /// The names of the steps in their order, as the bridge writes them and as people read them.
    private static let names = [
        ("verified", "verified"), ("taken_over", "taken over"), ("claimed", "claimed"), ("asked", "agent asked"),
        ("first_byte", "agent first byte"), ("agent_done", "agent done"), ("delivered", "delivered"),
    ]

    /// The steps that it came to, in the order of time.
    var stages: [Stage] {
        var stages: [Stage] = []
        let timings = liveTimings.flatMap { try? JSONView(parsing: $0) } ?? answers.lazy.compactMap(\.timings).first
        if let start = start(timings) {
            stages.append(Stage(name: "received", at: start, since: 0))
            for (key, name) in Trace.names {
                guard let since = timings?[key].int else { continue }
                stages.append(Stage(name: name, at: Timestamp(microseconds: start.microseconds + since), since: since))
            }
            // Rows that were written before a bridge noted its steps.
            if timings == nil, let answer = answers.first {
                stages.append(
                    Stage(name: "delivered", at: answer.at, since: answer.at.microseconds - start.microseconds))
            }
            stages.sort { $0.since < $1.since }
        }
        if let logged = (answers.isEmpty ? question : answers.last)?.loggedAt {
            let since = logged.microseconds - (stages.first?.at.microseconds ?? logged.microseconds)
            stages.append(Stage(name: "logged", at: logged, since: since))
        }
        return stages
    }

    /// When its webhook had been read: the row bears the moment in which it was verified.
    private func start(_ timings: JSONView?) -> Timestamp? {
        let takenAt: Timestamp
        if let question {
            takenAt = question.at
        } else if let id, id.high >> 12 & 0xF == 7 {
            takenAt = Timestamp(microseconds: Int64(id.high >> 16) * 1000)
        } else {
            return nil
        }
        return Timestamp(microseconds: takenAt.microseconds - (timings?["verified"].int ?? 0))
    }
}

extension StoredMessage {
    /// The steps that the bridge has written down with an answer.
    fileprivate var timings: JSONView? {
        guard let timings = (try? JSONView(parsing: metadata))?["timings"], timings.kind == .object else { return nil }
        return timings
    }

    /// The message that this one answers.
    var answered: UUID? {
        (try? JSONView(parsing: metadata))?["in_reply_to"].string.flatMap { UUID($0) }
    }

    /// Whether it answers a message, alone or with others.
    func isAnswer(to id: UUID) -> Bool {
        guard let root = try? JSONView(parsing: metadata) else { return false }
        let text = id.description
        return root["in_reply_to"].string == text || root["also_in_reply_to"].elements.contains { $0.string == text }
    }

    /// Whether the platform calls it so.
    func isNamed(_ name: String, on platform: String) -> Bool {
        guard self.platform == platform, let root = try? JSONView(parsing: metadata) else { return false }
        return root["message_id"].idString == name || root["event_id"].idString == name
            || root["message_ids"].elements.contains { $0.idString == name }
    }
}
