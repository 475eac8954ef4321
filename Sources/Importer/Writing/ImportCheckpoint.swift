internal import JSON

/// How far an import has come: a row of `import_checkpoints`, committed together with the rows that it speaks of.
///
/// The table is made by the import and is gone when none is unfinished: it is no part of the schema.
struct ImportCheckpoint: Sendable, Equatable {
    /// What is being written.
    enum Stage: String, Sendable {
        case sessions, messages, finished
    }

    var stage = Stage.sessions
    /// Behind what has been written of the stage; nil at its start.
    var position: ImportPosition?
    /// What has been done so far, by earlier runs too.
    var summary = ImportSummary()
    /// The length of the file of rejected rows at that point.
    var rejectedBytes: Int64 = 0

    static let table = """
        CREATE TABLE IF NOT EXISTS import_checkpoints (
            source text PRIMARY KEY,
            state jsonb NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now()
        )
        """

    /// Keeps the checkpoint of a source (`$1`).
    static let save = """
        INSERT INTO import_checkpoints AS c (source, state) VALUES ($1, $2)
        ON CONFLICT (source) DO UPDATE SET state = excluded.state, updated_at = now()
        """

    init() {}

    /// Reads what ``encoded()`` wrote.
    ///
    /// - Returns: nil for anything else, as from another version: then the import starts over, which only costs time.
    init?(_ json: [UInt8]) {
        guard let state = try? JSONView(parsing: json), state["v"].int == 1,
            let stage = state["stage"].string.flatMap(Stage.init(rawValue:)),
            let rejectedBytes = state["rejectedBytes"].int
        else { return nil }
        self.stage = stage
        self.rejectedBytes = rejectedBytes
        position = state["position"].string.map { ImportPosition($0) }
        func number(_ name: String) -> Int { state[name].int.map { Int($0) } ?? 0 }
        summary.sessions = number("sessions")
        summary.sessionsAdded = number("sessionsAdded")
        summary.messages = number("messages")
        summary.messagesAdded = number("messagesAdded")
        summary.rejected = number("rejected")
        summary.erased = number("erased")
        for (name, count) in state["changes"].members {
            if let change = ImportChange(rawValue: name), let count = count.int { summary.changes[change] = Int(count) }
        }
    }

    /// The checkpoint as one JSON object.
    func encoded() -> [UInt8] {
        var writer = JSONWriter()
        writer.object { object in
            object.field("v", 1)
            object.field("stage", stage.rawValue)
            object.field("position", position?.description)
            object.field("rejectedBytes", rejectedBytes)
            object.field("sessions", summary.sessions)
            object.field("sessionsAdded", summary.sessionsAdded)
            object.field("messages", summary.messages)
            object.field("messagesAdded", summary.messagesAdded)
            object.field("rejected", summary.rejected)
            object.field("erased", summary.erased)
            object.key("changes")
            object.object { changes in
                for change in ImportChange.allCases {
                    guard let count = summary.changes[change] else { continue }
                    changes.key(change.rawValue)
                    changes.value(count)
                }
            }
        }
        return writer.bytes
    }
}
