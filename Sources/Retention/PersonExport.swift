internal import BridgeCore
internal import JSON

/// Everything of one person as one JSON document, written piece by piece: however much there is, little is in memory.
///
/// ```json
/// {"export":1,"platform":"telegram","user":"42","at":"…",
///  "sessions":[{"id":"…","account":"default","conversation":"42","thread":null,"theirs_alone":true,"messages":[{…}]}],
///  "elsewhere":[{"place":"queue","document":{…}}]}
/// ```
///
/// Of sessions that others took part in, it holds what the person said and the answers to that, and nothing of the others.
package struct PersonExport: Sendable {
    let archive: any Archive
    let places: [any PersonalPlace]

    package init(archive: any Archive, places: [any PersonalPlace]) {
        self.archive = archive
        self.places = places
    }

    /// Writes the document.
    ///
    /// - Parameter write: takes the next piece.
    /// - Returns: how many messages there were.
    @discardableResult
    package func write(
        _ person: Person, to write: (sending [UInt8]) throws -> Void
    ) async throws -> Int {
        var head = JSONWriter()
        head.object { object in
            object.field("export", 1)
            object.field("platform", person.platform)
            object.field("user", person.user)
            object.field("at", Timestamp.now().description)
        }
        // The object goes on: its end comes at the end.
        try write(Array(head.bytes.dropLast()) + Array(#","sessions":["#.utf8))
        let rows = PersonRows(person: person, archive: archive)
        let sessions = try await rows.sessions()
        var count = 0
        for (place, session) in sessions.enumerated() {
            var start = JSONWriter()
            start.object { object in
                object.field("id", session.id)
                object.field("account", session.account)
                object.field("conversation", session.conversation)
                object.field("thread", session.thread)
                object.field("theirs_alone", session.isOwn)
            }
            try write(
                (place > 0 ? Array(",\n".utf8) : []) + Array(start.bytes.dropLast()) + Array(#","messages":["#.utf8))
            var isFirst = true
            func pass(_ messages: [[UInt8]]) throws {
                for message in messages {
                    try write((isFirst ? [] : Array(",\n".utf8)) + message)
                    isFirst = false
                }
                count += messages.count
            }
            if session.isOwn {
                var last = PersonRows.firstID
                while case let ids = try await rows.ids(in: session.id, after: last), let next = ids.last {
                    last = next
                    try pass(try await rows.documents(of: ids))
                }
            } else {
                let ids = try await rows.messages(inGroup: session.id)
                for first in stride(from: 0, to: ids.count, by: PersonRows.batch) {
                    let part = Array(ids[first..<min(first + PersonRows.batch, ids.count)])
                    try pass(try await rows.documents(of: part))
                }
            }
            try write(Array("]}".utf8))
        }
        try write(Array(#"],"elsewhere":["#.utf8))
        try await writeElsewhere(person, sessions, to: write)
        try write(Array("]}\n".utf8))
        return count
    }

    private func writeElsewhere(
        _ person: Person, _ sessions: [PersonRows.Session], to write: (sending [UInt8]) throws -> Void
    ) async throws {
        var matcher = PersonMatcher(person)
        matcher.conversations = Set(sessions.filter(\.isOwn).map(\.conversation))
        var isFirst = true
        for place in places {
            for finding in try await place.visit(&matcher, .collect) {
                for document in finding.documents {
                    var writer = JSONWriter(capacity: document.count + 64)
                    writer.object { object in
                        object.field("place", finding.place.rawValue)
                        object.key("document")
                        if let view = try? JSONView(parsing: document) {
                            object.value(view)
                        } else {
                            object.value(String(decoding: document, as: UTF8.self))
                        }
                    }
                    try write((isFirst ? [] : Array(",\n".utf8)) + writer.bytes)
                    isFirst = false
                }
            }
        }
    }
}

extension PersonRows {
    /// These messages as JSON objects, oldest first.
    func documents(of ids: [String]) async throws(RetentionError) -> [[UInt8]] {
        try await archive.rows(
            """
            SELECT CAST(id AS text) AS id, \(archive.dialect.text(ofTime: "created_at")) AS at, direction, sender_id,
                   content_type, content_text, CAST(attachments AS text) AS attachments, mastra_request_id, status,
                   CAST(metadata AS text) AS metadata
            FROM messages WHERE id \(archive.dialect.isOne(of: "$1")) ORDER BY created_at, id
            """, [archive.dialect.list(ids)]
        ).map { row in
            var writer = JSONWriter()
            writer.object { object in
                object.field("id", row[0])
                object.field("created_at", row[1])
                object.field("direction", row[2])
                object.field("sender", row[3])
                object.field("type", row[4])
                object.field("text", row[5])
                object.rawField("attachments", Array((row[6] ?? "[]").utf8))
                object.field("request", row[7])
                object.field("status", row[8])
                object.rawField("metadata", Array((row[9] ?? "{}").utf8))
            }
            return writer.bytes
        }
    }
}
