import Bridge
import BridgeCore
import Crypto
import JSON
import Journal

/// A dead letter as people and scripts see it, whichever kind it is and wherever it lies.
struct DeadLetter: Sendable {
    /// What could not be done.
    enum Kind: String, Sendable, CaseIterable {
        /// A log job that no database takes.
        case log
        /// An event that got no answer, or of whose answer nobody knows whether it arrived.
        case delivery
    }

    let kind: Kind
    /// The letter as it lies there.
    let bytes: [UInt8]
    /// Its number in the file, or in Redis that of its shard.
    var number: Int64 = 0

    /// What it is called on the command line: 12 hexadecimal digits of its content's SHA-256, the same in each list.
    let id: String
    /// The message that it is about; nil where it names none.
    let message: UUID?
    /// The message that it answers, where it is the log job of an answer.
    private var answered: UUID?
    let error: String
    let at: Timestamp?
    /// What it is about, in a few words.
    let summary: String

    init(_ kind: Kind, _ bytes: [UInt8], number: Int64 = 0) {
        self.kind = kind
        self.bytes = bytes
        self.number = number
        id = String(Hex.encode(SHA256.digest(of: bytes)).prefix(12))
        let root = (try? JSONView(parsing: bytes)) ?? .missing
        error = root["error"].string ?? "not readable as a dead letter"
        at = root["at"].string.flatMap { Timestamp($0) }
        switch kind {
        case .log:
            message = root["job"]["id"].string.flatMap { UUID($0) }
            answered = root["job"]["metadata"]["in_reply_to"].string.flatMap { UUID($0) }
            summary = DeadLetter.summary(ofJob: root["job"])
        case .delivery:
            let letter = DeadDelivery(letter: bytes)
            message = letter?.id
            summary =
                letter?.question.map { "\($0.platform) \($0.event.place.conversation)" }
                ?? "an event that cannot be read"
        }
    }

    /// Whether this is what somebody names: the letter, the message that it is about, or the question that that answers.
    func isNamed(_ name: String) -> Bool {
        if id == name.lowercased() { return true }
        guard let named = UUID(name) else { return false }
        return message == named || answered == named
    }

    /// The log job in it, as it goes back to the queue; nil for a delivery.
    var job: [UInt8]? {
        guard kind == .log, let root = try? JSONView(parsing: bytes) else { return nil }
        let job = root["job"]
        if let text = job.string { return Array(text.utf8) }
        guard job.exists, !job.isNull else { return nil }
        var writer = JSONWriter(capacity: bytes.count)
        writer.value(job)
        return writer.bytes
    }

    private static func summary(ofJob job: JSONView) -> String {
        if let text = job.string { return "\(text.utf8.count) bytes that are no JSON object" }
        let kind = job["kind"].string ?? "message"
        let session = job["session"]
        let place = [session["platform"].string, session["conversation"].idString].compactMap { $0 }
        let what = kind == "message" ? job["direction"].string ?? kind : kind
        return ([what] + place).joined(separator: " ")
    }

    /// The letter as one object, for scripts.
    ///
    /// - Parameter isWhole: with all that is in it.
    func write(to array: inout JSONWriter, isWhole: Bool) {
        array.object { object in
            object.field("id", id)
            object.field("kind", kind.rawValue)
            object.field("message", message?.description)
            object.field("at", at?.description)
            object.field("error", error)
            object.field("summary", summary)
            if isWhole {
                object.key("letter")
                if let view = try? JSONView(parsing: bytes) {
                    object.value(view)
                } else {
                    object.value(String(decoding: bytes, as: UTF8.self))
                }
            }
        }
    }

    /// How long ago it was filed, in one number: `4 min`.
    func age(at now: Timestamp) -> String {
        guard let at else { return "?" }
        let seconds = max(0, (now.microseconds - at.microseconds) / 1_000_000)
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) d"
        }
    }
}
