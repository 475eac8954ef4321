import BridgeCore
import JSON
import Testing

@testable import Journal

@Suite struct JournalStoreTests {
    @Test(arguments: StoreKind.available)
    func `a message and its session are written whole`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let job = LogJob.sample(1, at: 1_763_683_200_123_456, text: "Grüße 👋") { message in
                message.session.thread = "7"
                message.session.account = "second"
                message.direction = .outbound
                message.type = "image"
                message.attachments = Array(#"[{"kind":"image","url":"https://x.example/1"}]"#.utf8)
                message.request = "run-1"
                message.status = .sent
                message.metadata = Array(#"{"a":{"b":1}}"#.utf8)
            }
            let outcome = try await fixture.store.write([job])
            #expect(outcome.rejections.isEmpty && outcome.deferred.isEmpty)
            let sessions = try await fixture.table(
                """
                SELECT CAST(id AS text) AS id, platform, account, platform_conversation_id, user_id, status,
                       \(fixture.time("created_at")) AS c, \(fixture.time("last_activity")) AS l,
                       metadata ->> 'thread' AS t
                FROM sessions
                """)
            #expect(
                sessions == [
                    [
                        UUID.numbered(1, family: 1).description, "telegram", "second", "chat-1", "42", "active",
                        "2025-11-21T00:00:00.123456Z", "2025-11-21T00:00:00.123456Z", "7",
                    ]
                ])
            let messages = try await fixture.table(
                """
                SELECT CAST(id AS text) AS id, CAST(session_id AS text) AS s, direction, sender_id, content_text,
                       content_type, attachments -> 0 ->> 'url' AS url, \(fixture.time("created_at")) AS c,
                       mastra_request_id, status, CAST(metadata -> 'a' ->> 'b' AS text) AS b
                FROM messages
                """)
            #expect(
                messages == [
                    [
                        UUID.numbered(1).description, UUID.numbered(1, family: 1).description, "outbound", "42",
                        "Grüße 👋", "image", "https://x.example/1", "2025-11-21T00:00:00.123456Z", "run-1", "sent", "1",
                    ]
                ])
        }
    }

    @Test(arguments: StoreKind.available)
    func `the messages of a receipt are found by name or by time, in their conversation alone`(kind: StoreKind)
        async throws
    {
        try await StoreFixture.with(kind) { fixture in
            let start: Int64 = 1_763_683_200_000_000
            func sent(_ number: UInt64, _ names: String, session: UInt64 = 1, day: Int64 = 0) -> LogJob {
                .sample(number, session: session, at: start + day * 86_400_000_000 + Int64(number)) { message in
                    message.direction = .outbound
                    message.status = .sent
                    message.metadata = Array(names.utf8)
                }
            }
            _ = try await fixture.store.write([
                sent(1, #"{"message_id":"a"}"#), sent(2, #"{"message_ids":["b","c"]}"#), sent(3, "{}"),
                sent(4, #"{"message_id":"a"}"#, session: 2), .sample(5, at: start),
                sent(6, #"{"message_id":"a"}"#, day: -8),
            ])
            func found(_ names: [String], upTo: Int64? = nil) async throws -> [UUID] {
                try await fixture.store.messages(
                    named: LogReceipt(
                        id: .numbered(99), at: Timestamp(microseconds: start + 1000), platform: "telegram",
                        conversation: "chat-1", status: .read, messages: names,
                        upTo: upTo.map { Timestamp(microseconds: start + $0) })
                ).sorted()
            }
            let byName = try await found(["a"])
            let byEither = try await found(["c", "a", "x"])
            let byTime = try await found([], upTo: 2)
            let nothing = try await found([])
            #expect(byName == [.numbered(1)])
            #expect(byEither == [.numbered(1), .numbered(2)])
            #expect(byTime == [.numbered(1), .numbered(2)])
            #expect(nothing == [])
        }
    }

    /// Batches of news, and what the attachments of message 1 are then.
    static let news: [(batches: [[LogJob]], expected: String)] = [
        ([[.stored(1, #"{"1":{"key":"k1"}}"#)]], #"[{"a":0},{"b":1,"stored":{"key":"k1"}},"odd"]"#),
        (
            [[.stored(1, #"{"1":{"key":"k1"}}"#)], [.stored(1, #"{"0":{"key":"k0"}}"#)]],
            #"[{"a":0,"stored":{"key":"k0"}},{"b":1,"stored":{"key":"k1"}},"odd"]"#
        ),
        // In one batch; again; and with other news of the message around them.
        (
            [
                [
                    .stored(1, #"{"0":{"key":"k0"}}"#), .change(1, .failed, #"{"x":1}"#),
                    .stored(1, #"{"1":{"key":"k1"}}"#),
                    .stored(1, #"{"0":{"key":"k0"}}"#),
                ]
            ], #"[{"a":0,"stored":{"key":"k0"}},{"b":1,"stored":{"key":"k1"}},"odd"]"#
        ),
        (
            [
                [.change(1, .edited)], [.stored(1, #"{"0":{"key":"old","size":1}}"#)],
                [.stored(1, #"{"0":{"key":"new"}}"#)],
            ],
            #"[{"a":0,"stored":{"key":"new"}},{"b":1},"odd"]"#
        ),
        // Of what is not there, and of what is no object.
        (
            [[.stored(1, #"{"2":{"key":"k"},"9":{"key":"k"},"-1":{},"x":{},"0":"k","1":null}"#)]],
            #"[{"a":0},{"b":1},"odd"]"#
        ),
        ([[.stored(1, #"{"0":{"key":"\u0000"}}"#)]], #"[{"a":0,"stored":{"key":"\ufffd"}},{"b":1},"odd"]"#),
    ]

    @Test(arguments: StoreKind.available, news.indices)
    func `attachments learn where they are stored, in any order and any number of times`(
        kind: StoreKind, place: Int
    ) async throws {
        let (batches, expected) = Self.news[place]
        try await StoreFixture.with(kind) { fixture in
            let message = LogJob.sample(1) { $0.attachments = Array(#"[{"a":0},{"b":1},"odd"]"#.utf8) }
            _ = try await fixture.store.write([message, .sample(2)])
            for batch in batches + batches.suffix(1) {
                let outcome = try await fixture.store.write(batch)
                #expect(outcome.rejections.isEmpty && outcome.deferred.isEmpty)
            }
            // The message's own job, again, takes nothing back.
            _ = try await fixture.store.write([message])
            let lookup = try #require(fixture.store as? any AttachmentLookup)
            let found = try #require(try await lookup.attachments(of: .numbered(1)))
            #expect(try Self.canonical(found) == Self.canonical(Array(expected.utf8)))
            #expect(try await lookup.attachments(of: .numbered(2)) == Array("[]".utf8))
            #expect(try await lookup.attachments(of: .numbered(3)) == nil)
        }
    }

    @Test(arguments: StoreKind.available)
    func `news of stored attachments wait for their message, and move no status`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let news = LogJob.stored(1, #"{"0":{"key":"k"}}"#)
            #expect(try await fixture.store.write([news]).deferred == [0])
            _ = try await fixture.store.write([
                .sample(1) { $0.attachments = Array(#"[{}]"#.utf8) }, .change(1, .failed),
            ])
            _ = try await fixture.store.write([news])
            let rows = try await fixture.table(
                "SELECT status, attachments -> 0 -> 'stored' ->> 'key' AS k FROM messages")
            #expect(rows == [["failed", "k"]])
        }
    }

    /// JSON with members in order, since `jsonb` has an order of its own.
    private static func canonical(_ json: [UInt8]) throws -> String {
        func text(_ view: JSONView) -> String {
            switch view.kind {
            case .object:
                return "{" + view.members.map { "\($0.key):\(text($0.value))" }.sorted().joined(separator: ",") + "}"
            case .array: return "[" + view.elements.map(text).joined(separator: ",") + "]"
            case .string: return "\"\(view.string ?? "")\""
            default: return view.int.map { "\($0)" } ?? "\(view.kind)"
            }
        }
        return text(try JSONView(parsing: json))
    }

    @Test(arguments: StoreKind.available)
    func `jobs written again change nothing`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let jobs = (1...40).map { LogJob.sample($0, session: $0 % 3, at: Int64($0)) } + [.change(5, .failed)]
            let everything = "SELECT CAST(id AS text) AS i, CAST(status AS text) AS s FROM messages ORDER BY 1"
            _ = try await fixture.store.write(jobs)
            let first = try await fixture.table(everything)
            // The same batch, another cut of it, and a job twice in one batch.
            _ = try await fixture.store.write(jobs)
            _ = try await fixture.store.write(Array(jobs[10..<30]) + Array(jobs[5..<15]))
            #expect(try await fixture.table(everything) == first)
            #expect(try await fixture.count("messages") == 40)
            #expect(try await fixture.count("sessions") == 3)
        }
    }

    @Test(arguments: StoreKind.available)
    func `a large batch, which goes another way, keeps the same rules`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            func large(_ range: Range<UInt64>) -> [LogJob] { range.map { .sample($0, session: $0 % 9, at: Int64($0)) } }
            // Each of these is more than one statement takes, in no order, with a job twice and a change of status.
            let first = try await fixture.store.write(large(0..<900).reversed() + [.sample(5), .change(7, .failed)])
            #expect(first.rejections.isEmpty && first.deferred.isEmpty)
            // Half of it is there already.
            let second = try await fixture.store.write(large(450..<1400) + [.change(5000, .read)])
            #expect(second.rejections.isEmpty && second.deferred == [950])
            // One of it is bad.
            var jobs = large(1400..<2400)
            jobs[600] = .sample(2000) { $0.metadata = Array("{".utf8) }
            #expect(try await fixture.store.write(jobs).rejections.map(\.index) == [600])
            #expect(try await fixture.count("messages") == 2399)
            #expect(try await fixture.count("sessions") == 9)
            #expect(try await fixture.count("messages WHERE status = 'failed'") == 1)
        }
    }

    @Test(arguments: StoreKind.available)
    func `a session keeps its first time and user and its latest activity`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            func job(_ number: UInt64, at seconds: Int64, user: String?) -> LogJob {
                .sample(number, at: seconds * 1_000_000) { $0.session.user = user }
            }
            _ = try await fixture.store.write([job(1, at: 50, user: nil), job(2, at: 70, user: "u1")])
            _ = try await fixture.store.write([job(3, at: 60, user: "u2")])
            _ = try await fixture.store.write([job(4, at: 40, user: nil)])
            let rows = try await fixture.table(
                "SELECT \(fixture.time("created_at")) AS c, \(fixture.time("last_activity")) AS l, user_id FROM sessions"
            )
            #expect(rows == [["1970-01-01T00:00:40.000000Z", "1970-01-01T00:01:10.000000Z", "u1"]])
        }
    }

    @Test(arguments: StoreKind.available)
    func `metadata of a session is merged and a closed one stays closed`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            _ = try await fixture.store.write([.sample(1)])
            // What another program put there stays.
            _ = try await fixture.table(
                #"UPDATE sessions SET metadata = '{"crm":"x"}', status = 'closed' RETURNING platform"#)
            _ = try await fixture.store.write([.sample(2) { $0.session.thread = "9" }])
            let rows = try await fixture.table(
                "SELECT metadata ->> 'crm' AS c, metadata ->> 'thread' AS t, status FROM sessions")
            #expect(rows == [["x", "9", "closed"]])
        }
    }

    @Test(arguments: StoreKind.available)
    func `fifty writers of the same sessions and messages do not stop each other`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let stores = (0..<10).map { _ in fixture.makeStore() }
            try await withThrowingTaskGroup(of: JournalWriteOutcome.self) { group in
                for writer in 0..<50 {
                    let store = stores[writer % stores.count]
                    group.addTask {
                        // Overlapping ranges, each in an order of its own.
                        let start = UInt64(writer * 10)
                        let jobs = (start..<(start + 30)).map { LogJob.sample($0, session: $0 % 7, at: Int64($0)) }
                        return try await store.write(writer % 2 == 0 ? jobs : jobs.reversed())
                    }
                }
                for try await outcome in group {
                    #expect(outcome.rejections.isEmpty && outcome.deferred.isEmpty)
                }
            }
            for store in stores { await store.close() }
            #expect(try await fixture.count("messages") == 520)
            #expect(try await fixture.count("sessions") == 7)
        }
    }

    @Test(arguments: StoreKind.available)
    func `one bad job among many is rejected alone`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            var jobs = (0..<50).map { LogJob.sample($0, session: $0) }
            for bad in [7, 8, 33] {
                jobs[bad] = .sample(UInt64(bad), session: UInt64(bad), text: "hunter2") { message in
                    message.attachments = Array("[hunter2".utf8)
                }
            }
            let outcome = try await fixture.store.write(jobs)
            #expect(outcome.rejections.map(\.index) == [7, 8, 33])
            #expect(outcome.rejections.allSatisfy { !$0.error.contains("hunter2") && !$0.error.isEmpty })
            #expect(try await fixture.count("messages") == 47)
            #expect(try await fixture.count("sessions") == 47)
        }
    }

    @Test(arguments: StoreKind.available)
    func `a batch of bad jobs alone is rejected job by job`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let jobs = (0..<3).map { LogJob.sample($0) { $0.metadata = Array("{".utf8) } }
            let outcome = try await fixture.store.write(jobs)
            #expect(outcome.rejections.map(\.index) == [0, 1, 2])
            #expect(try await fixture.store.write([jobs[0]]).rejections.map(\.index) == [0])
        }
    }

    @Test(arguments: StoreKind.available)
    func `a status moves forward and never back`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let pairs = MessageStatus.allCases.flatMap { old in MessageStatus.allCases.map { (old, $0) } }
            let messages = pairs.enumerated().map { index, pair in
                LogJob.sample(UInt64(index)) { $0.status = pair.0 }
            }
            let changes = pairs.enumerated().map { LogJob.change(UInt64($0.offset), $0.element.1) }
            // In one batch, in the next, and as stale news afterwards.
            #expect(try await fixture.store.write(messages).deferred.isEmpty)
            #expect(try await fixture.store.write(changes).deferred.isEmpty)
            let expected = pairs.map { [($0.rank > $1.rank ? $0 : $1).rawValue] as [String?] }
            let statuses = "SELECT status FROM messages ORDER BY id"
            #expect(try await fixture.table(statuses) == expected)
            _ = try await fixture.store.write(pairs.indices.map { .change(UInt64($0), .received) })
            #expect(try await fixture.table(statuses) == expected)
        }
    }

    @Test(arguments: StoreKind.available)
    func `a status in the batch of its message counts, before it or after it`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let outcome = try await fixture.store.write([
                .change(1, .read, #"{"a":1}"#), .sample(1) { $0.status = .sent },
                .change(1, .delivered, #"{"a":2,"b":2}"#),
            ])
            #expect(outcome.deferred.isEmpty)
            let rows = try await fixture.table(
                "SELECT status, CAST(metadata ->> 'a' AS text) AS a, CAST(metadata ->> 'b' AS text) AS b FROM messages")
            #expect(rows == [["read", "1", "2"]])
        }
    }

    @Test(arguments: StoreKind.available)
    func `a status without its message is deferred, and counts once the message is there`(kind: StoreKind) async throws
    {
        try await StoreFixture.with(kind) { fixture in
            let early = try await fixture.store.write([
                .sample(1), .change(2, .delivered), .change(1, .failed), .change(2, .read),
            ])
            #expect(early.deferred == [1, 3])
            #expect(early.rejections.isEmpty)
            _ = try await fixture.store.write([.sample(2) { $0.status = .sent }])
            #expect(try await fixture.store.write([.change(2, .delivered), .change(2, .read)]).deferred.isEmpty)
            #expect(try await fixture.table("SELECT status FROM messages ORDER BY id") == [["failed"], ["read"]])
        }
    }

    @Test(arguments: StoreKind.available)
    func `news adds metadata, and stale news only what was not known`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            _ = try await fixture.store.write([.sample(1) { $0.metadata = Array(#"{"k":"0","n":null}"#.utf8) }])
            _ = try await fixture.store.write([.change(1, .read, #"{"k":"1"}"#)])
            _ = try await fixture.store.write([.change(1, .delivered, #"{"k":"2","at":"x"}"#)])
            let rows = try await fixture.table(
                "SELECT status, metadata ->> 'k' AS k, metadata ->> 'at' AS a FROM messages")
            #expect(rows == [["read", "1", "x"]])
        }
    }

    @Test(arguments: StoreKind.available)
    func `text that a database cannot hold is replaced and marked, all other text is kept`(kind: StoreKind) async throws
    {
        let texts: [(text: String, stored: String, replaced: Bool)] = [
            ("a\u{0}b", "a\u{FFFD}b", true), ("\u{0}", "\u{FFFD}", true), ("", "", false),
            (
                "\u{202E}rtl\u{2066} e\u{301} 👨‍👩‍👧‍👦 \u{10FFFF}\u{FFFE}\u{1}\u{7F}",
                "\u{202E}rtl\u{2066} e\u{301} 👨‍👩‍👧‍👦 \u{10FFFF}\u{FFFE}\u{1}\u{7F}", false
            ),
            (#"quote " back \ slash \u0000 {} ' $1"#, #"quote " back \ slash \u0000 {} ' $1"#, false),
            (String(repeating: "ü", count: 600_000), String(repeating: "ü", count: 600_000), false),
        ]
        try await StoreFixture.with(kind) { fixture in
            let outcome = try await fixture.store.write(
                texts.enumerated().map { .sample(UInt64($0.offset), text: $0.element.text) })
            #expect(outcome.rejections.isEmpty)
            let rows = try await fixture.table(
                """
                SELECT content_text AS t, CASE WHEN metadata ->> 'replaced' IS NULL THEN 'no' ELSE 'yes' END AS r
                FROM messages ORDER BY id
                """)
            #expect(rows.map { $0[0] } == texts.map(\.stored))
            #expect(rows.map { $0[1] } == texts.map { $0.replaced ? "yes" : "no" })
        }
    }

    @Test(arguments: StoreKind.available)
    func `NUL and lone surrogates in JSON and in names are replaced and marked`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            let job = LogJob.sample(1) { message in
                message.sender = "4\u{0}2"
                message.session.conversation = "c\u{0}"
                message.attachments = Array(#"[{"name":"a\u0000b\\u0000\ud83d\ude00\ud83dz"}]"#.utf8)
                message.metadata = Array(#"{"x":"\udc00"}"#.utf8)
            }
            #expect(try await fixture.store.write([job]).rejections.isEmpty)
            let rows = try await fixture.table(
                """
                SELECT sender_id AS s, attachments -> 0 ->> 'name' AS n, metadata ->> 'x' AS x,
                       CASE WHEN metadata ->> 'replaced' IS NULL THEN 'no' ELSE 'yes' END AS r
                FROM messages
                """)
            #expect(rows == [["4\u{FFFD}2", "a\u{FFFD}b\\u0000😀\u{FFFD}z", "\u{FFFD}", "yes"]])
            let sessions = try await fixture.table(
                """
                SELECT platform_conversation_id AS c, CASE WHEN metadata ->> 'replaced' IS NULL THEN 'no' ELSE 'yes' END AS r
                FROM sessions
                """)
            #expect(sessions == [["c\u{FFFD}", "yes"]])
        }
    }

    @Test(arguments: StoreKind.available)
    func `the active session of a conversation is the latest that is not too old`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            func job(_ number: UInt64, session: UInt64, at seconds: Int64, thread: String?) -> LogJob {
                .sample(number, session: session, at: seconds * 1_000_000) { message in
                    message.session.conversation = "chat"
                    message.session.thread = thread
                }
            }
            _ = try await fixture.store.write([
                job(1, session: 1, at: 100, thread: nil), job(2, session: 2, at: 200, thread: nil),
                job(3, session: 3, at: 300, thread: "t"),
            ])
            func found(_ conversation: String, _ thread: String?, since seconds: Int64) async throws -> UUID? {
                try await fixture.store.activeSession(
                    for: SessionKey(platform: "telegram", conversation: conversation, thread: thread),
                    since: Timestamp(seconds: seconds))
            }
            #expect(try await found("chat", nil, since: 50) == .numbered(2, family: 1))
            #expect(try await found("chat", nil, since: 200) == .numbered(2, family: 1))
            #expect(try await found("chat", nil, since: 201) == nil)
            #expect(try await found("chat", "t", since: 50) == .numbered(3, family: 1))
            #expect(try await found("other", nil, since: 50) == nil)
            _ = try await fixture.table("UPDATE sessions SET status = 'closed' RETURNING platform")
            #expect(try await found("chat", nil, since: 50) == nil)
        }
    }

    @Test(arguments: StoreKind.available)
    func `nothing to write is no error, and a closed store says that it is closed`(kind: StoreKind) async throws {
        try await StoreFixture.with(kind) { fixture in
            #expect(try await fixture.store.write([]).rejections.isEmpty)
            try await fixture.store.ping()
            await fixture.store.close()
            let error = await #expect(throws: JournalStoreError.self) { try await fixture.store.write([.sample(1)]) }
            #expect(error?.code == .closed)
        }
    }
}
