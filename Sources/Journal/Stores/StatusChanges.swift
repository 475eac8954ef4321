internal import BridgeCore
internal import JSON

/// The changes of status of a batch, those of one message folded into one.
struct StatusChanges {
    struct Change {
        var id: UUID
        var status: MessageStatus
        var metadata: [UInt8]
        /// As ``LogStatusChange/stored``.
        var stored: [UInt8]
        /// The places of the jobs.
        var indices: [Int]
    }

    private var changes: [Change] = []
    private var places: [UUID: Int] = [:]

    var isEmpty: Bool { changes.isEmpty }

    /// In the order of their ids, the order in which loggers lock messages.
    var sorted: [Change] { changes.sorted { $0.id < $1.id } }

    /// Adds the change in a job's place.
    mutating func add(_ change: LogStatusChange, at index: Int) {
        let metadata = StorableText.repaired(json: change.metadata).map(StorableText.marked) ?? change.metadata
        let stored = StorableText.repaired(json: change.stored) ?? change.stored
        guard let place = places[change.id] else {
            places[change.id] = changes.count
            changes.append(
                Change(id: change.id, status: change.status, metadata: metadata, stored: stored, indices: [index]))
            return
        }
        let earlier = changes[place]
        changes[place].indices.append(index)
        changes[place].stored = Self.merged(earlier.stored, stored)
        if change.status.rank >= earlier.status.rank {
            changes[place].status = change.status
            changes[place].metadata = Self.merged(earlier.metadata, metadata)
        } else {
            changes[place].metadata = Self.merged(metadata, earlier.metadata)
        }
    }

    /// The members of two objects, the second's winning, as Postgres's `||` on `jsonb` has it.
    ///
    /// What cannot be read as an object gives way to the other; if neither can, the second is left for the database to refuse.
    static func merged(_ base: [UInt8], _ over: [UInt8]) -> [UInt8] {
        if base == LogMessage.noMetadata { return over }
        if over == LogMessage.noMetadata { return base }
        guard let first = try? JSONView(parsing: base), first.kind == .object else { return over }
        guard let second = try? JSONView(parsing: over), second.kind == .object else { return over }
        var replaced: Set<String> = []
        for (key, _) in second.members { replaced.insert(key) }
        var writer = JSONWriter(capacity: base.count + over.count)
        writer.object { object in
            for (key, value) in first.members where !replaced.contains(key) {
                object.key(key)
                object.value(value)
            }
            for (key, value) in second.members {
                object.key(key)
                object.value(value)
            }
        }
        return writer.bytes
    }
}
