import BridgeCore
import EventLoop
import Inbox
import JSON
import Journal
import Redis
import Synchronization
import TestSupport
import Testing

@testable import Retention

private let person = Person(platform: "telegram", user: "4242424242")

@Suite struct EraserTests {
    /// A conversation of the person alone, one in a group, and others' that must stay.
    private static func talk() -> Talk {
        var talk = Talk()
        var own = talk.session("4242424242", user: person.user)
        let question = talk.say("mine", in: own, by: person.user, metadata: #"{"sender_name":"Ada Lovelace"}"#)
        talk.say("answer to mine", in: own, metadata: #"{"in_reply_to":"\#(question)"}"#)
        own.user = nil
        talk.say("by an operator", in: own)
        let group = talk.session("-100", user: person.user)
        let asked = talk.say("mine in a group", in: group, by: person.user, metadata: #"{"group":true}"#)
        talk.say("answer in a group", in: group, metadata: #"{"in_reply_to":"\#(asked)"}"#)
        var others = group
        others.user = "777777"
        let theirs = talk.say(
            "hello @4242424242, and 42424242421", in: others, by: "777777",
            metadata: #"{"group":true,"reply_to_name":"Ada Lovelace","who":{"id":4242424242,"first_name":"Ada"},"n":7}"#
        )
        talk.say("answer to another", in: others, metadata: #"{"in_reply_to":"\#(theirs)"}"#)
        let elsewhere = talk.session("4242424242", user: person.user, platform: "slack")
        talk.say("another platform", in: elsewhere, by: person.user)
        return talk
    }

    @Test(arguments: ArchiveKind.available)
    func `everything of a person goes, and nothing of the others`(kind: ArchiveKind) async throws {
        try await ArchiveFixture.with(kind) { fixture in
            let jobs = Self.talk().jobs
            _ = try await fixture.store.write(jobs)
            let dry = try await fixture.eraser(isDryRun: true).erase(person)
            #expect(dry.counts[.sessions] == 1 && dry.counts[.messages] == 5 && dry.counts[.redacted] == 1)
            #expect(try await fixture.count("messages") == jobs.count)
            #expect(try await fixture.count("erasures") == 0)

            let receipt = try await fixture.eraser().erase(person)
            #expect(receipt.isComplete)
            #expect(receipt.counts[.sessions] == 1 && receipt.counts[.messages] == 5 && receipt.counts[.redacted] == 1)
            let texts = try await fixture.texts()
            #expect(texts == ["hello @erased, and 42424242421", "answer to another", "another platform"])
            let rows = try await fixture.archive.rows(
                "SELECT CAST(metadata AS text) AS m FROM messages ORDER BY created_at LIMIT 1", [])
            let metadata = try JSONView(parsing: try #require(rows.first?.first ?? nil))
            #expect(metadata["who"]["erased"].bool == true && metadata["who"]["first_name"].string == nil)
            #expect(metadata["reply_to_name"].string == "erased" && metadata["n"].int == 7)
            let users = try await fixture.archive.rows("SELECT user_id FROM sessions ORDER BY id", []).map { $0[0] }
            #expect(users == [nil, person.user])

            // The receipt and the tombstone name nobody.
            let json = String(decoding: receipt.json, as: UTF8.self)
            #expect(!json.contains(person.user) && !json.contains("Ada"))
            let view = try JSONView(parsing: json)
            #expect(view["complete"].bool == true && view["erased"]["messages"].int == 5)
            #expect(view["person"].string?.count == 64)
            #expect(!receipt.lines.joined().contains(person.user))

            let again = try await fixture.eraser().erase(person)
            #expect(again.counts.values.allSatisfy { $0 == 0 })
            #expect(try await fixture.count("erasures") == 1)
        }
    }

    @Test(arguments: ArchiveKind.available)
    func `what comes late is dropped, what the person says afterwards is kept`(kind: ArchiveKind) async throws {
        try await ArchiveFixture.with(kind) { fixture in
            var talk = Talk()
            let session = talk.session("4242424242", user: person.user)
            talk.say("late", in: session, by: person.user)
            _ = try await fixture.eraser().erase(person)
            var later = Talk(at: Timestamp.now().advanced(by: .seconds(5)))
            later.say("anew", in: session, by: person.user)
            let outcome = try await fixture.store.write(talk.jobs + later.jobs)
            #expect(outcome.erased == [0])
            #expect(try await fixture.texts() == ["anew"])
        }
    }

    @Test(arguments: ArchiveKind.available)
    func `a logger that writes without pause leaves nothing behind an erasure`(kind: ArchiveKind) async throws {
        try await ArchiveFixture.with(kind) { fixture in
            let isOver = Flag()
            async let first = Self.writeWithoutPause(0, to: fixture.store, until: isOver)
            async let second = Self.writeWithoutPause(1, to: fixture.store, until: isOver)
            _ = try await eventually { try await fixture.count("messages") > 20 }
            let receipt = try await fixture.eraser().erase(person)
            #expect((receipt.counts[.messages] ?? 0) > 0)
            #expect(try await fixture.texts().filter { $0 == "mine" }.isEmpty)
            let before = try await fixture.count("messages")
            _ = try await eventually { try await fixture.count("messages") > before + 10 }
            isOver.set()
            #expect(try await first + second > 0)
            #expect(try await fixture.texts().allSatisfy { $0 == "theirs" })
        }
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)
        func set() { value.store(true, ordering: .relaxed) }
        var isSet: Bool { value.load(ordering: .relaxed) }
    }

    /// - Returns: how many messages were left out.
    private static func writeWithoutPause(
        _ number: Int, to store: any JournalStore, until isOver: Flag
    ) async throws -> Int {
        var talk = Talk()
        let own = talk.session("4242424242", user: person.user)
        let other = talk.session("7-\(number)", user: "777777")
        var erased = 0
        while !isOver.isSet {
            var part = Talk(at: Timestamp.now().advanced(by: .seconds(-60)))
            for _ in 0..<3 {
                part.say("mine", in: own, by: person.user)
                part.say("theirs", in: other, by: "777777")
            }
            erased += try await store.write(part.jobs).erased.count
        }
        return erased
    }

    @Test func `files go before the rows that name them, and without access to them nothing goes`() async throws {
        try await ArchiveFixture.with(.sqlite) { fixture in
            var talk = Talk()
            let session = talk.session("4242424242", user: person.user)
            talk.say(
                "see", in: session, by: person.user,
                attachments:
                    #"[{"kind":"image","stored":{"bucket":"b","key":"a/1"}},{"kind":"file","url":"https://x"}]"#)
            _ = try await fixture.store.write(talk.jobs)
            let refused = await #expect(throws: RetentionError.self) { try await fixture.eraser().erase(person) }
            #expect(refused?.description.contains("ATTACHMENT_BUCKET") == true)
            #expect(try await fixture.count("messages") == 1)
            let bucket = Bucket()
            await bucket.fail(true)
            await #expect(throws: RetentionError.self) { try await fixture.eraser(objects: bucket).erase(person) }
            #expect(try await fixture.count("messages") == 1)
            await bucket.fail(false)
            let receipt = try await fixture.eraser(objects: bucket).erase(person)
            // The second attachment has no copy that is told of: there may be one all the same.
            #expect(receipt.counts[.objects] == 3 && receipt.counts[.messages] == 1)
            #expect(await bucket.deleted == ["b/a/1"])
            #expect(await bucket.looks.count == 1)
        }
    }

    @Test func `a message whose file is being copied waits for the copy, which goes with it`() async throws {
        try await ArchiveFixture.with(.sqlite) { fixture in
            var talk = Talk(at: Timestamp.now().advanced(by: .seconds(-10)))
            let session = talk.session("4242424242", user: person.user)
            let id = talk.say(
                "see", in: session, by: person.user, attachments: #"[{"kind":"image","reference":"r"}]"#)
            talk.say("old", in: session, by: person.user)
            _ = try await fixture.store.write(talk.jobs)
            let bucket = Bucket()
            let early = try await fixture.eraser(objects: bucket).erase(person)
            #expect(!early.isComplete && early.inWork[.objects] == 1)
            #expect(try await fixture.texts() == ["see"])
            async let late = fixture.eraser(objects: bucket, patience: .seconds(30)).erase(person)
            try await Task.sleep(for: .milliseconds(50))
            _ = try await fixture.archive.execute([
                ArchiveStatement(
                    "UPDATE messages SET attachments = $1 WHERE id = $2",
                    [#"[{"kind":"image","stored":{"bucket":"b","key":"k"}}]"#, id.description])
            ])
            let receipt = try await late
            #expect(receipt.isComplete && receipt.counts[.objects] == 1)
            #expect(await bucket.deleted == ["b/k"])
            #expect(try await fixture.count("messages") == 0)
        }
    }

    /// Keeps note of what was deleted.
    private actor Bucket: ObjectEraser {
        private(set) var deleted: [String] = []
        private var isFailing = false
        func fail(_ fails: Bool) { isFailing = fails }
        nonisolated func delete(bucket: String, key: String) async throws(RetentionError) {
            guard await note("\(bucket)/\(key)") else { throw RetentionError(.unavailable, "no storage") }
        }
        nonisolated func deleteCopies(
            of message: UUID, platform: String, account: String
        ) async throws(RetentionError) -> Int {
            await noteLook("\(platform)/\(account)/\(message)")
            return 2
        }
        private(set) var looks: [String] = []
        private func noteLook(_ name: String) { looks.append(name) }
        private func note(_ name: String) -> Bool {
            if isFailing { return false }
            deleted.append(name)
            return true
        }
    }

    @Test func `the file holds nothing of the person afterwards, byte by byte`() async throws {
        try await ArchiveFixture.with(.sqlite) { fixture in
            _ = try await fixture.store.write(Self.talk().jobs)
            _ = try await fixture.eraser().erase(person)
            await fixture.store.close()
            for name in ["chat.db", "chat.db-wal"] {
                let bytes = TestEnvironment.read(fixture.folder.path(name)) ?? []
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(!text.contains("mine in a group") && !text.contains("Ada Lovelace"), "\(name)")
            }
        }
    }
}

@Suite struct RedactionTests {
    @Test(arguments: [
        ("<@U024BE7LH> hi", "<@erased> hi"), ("U024BE7LH", "erased"), ("xU024BE7LH U024BE7LHx", nil),
        ("a U024BE7LH, b U024BE7LH", "a erased, b erased"), ("Ünï U024BE7LHé", nil), ("", nil),
        ("Ada", nil),
    ])
    func `an id is taken out of a text where it stands for itself`(text: String, expected: String?) {
        #expect(Redaction(user: "U024BE7LH", names: ["Ada"]).redacted(text) == expected)
    }

    @Test(arguments: [
        (#"{"a":"Ada","b":["U024BE7LH",1]}"#, #"{"a":"erased","b":["erased",1]}"#),
        (
            #"{"user":{"id":"U024BE7LH","real_name":"A. L.","tz":{"x":1}},"n":1.5}"#,
            #"{"user":{"erased":true},"n":1.5}"#
        ),
        (#"{"U024BE7LH":true}"#, #"{"erased":true}"#), (#"{"a":"Adam"}"#, nil), ("[]", nil), ("no json", nil),
    ])
    func `metadata lose what is of the person and keep the rest`(json: String, expected: String?) {
        #expect(Redaction(user: "U024BE7LH", names: ["Ada"]).redacted(json: json) == expected)
    }

    @Test func `a short id is no reason to take numbers out`() {
        let redaction = Redaction(user: "42", names: ["Al"])
        #expect(redaction.needles.isEmpty)
        #expect(redaction.redacted("42") == nil && redaction.redacted(json: #"{"n":42}"#) == nil)
    }
}
