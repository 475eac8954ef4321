import BridgeCore
import JSON
import Journal
import TestSupport
import Testing

@testable import Retention

private let person = Person(platform: "telegram", user: "4242424242")

@Suite struct PersonExportTests {
    private static func export(_ fixture: ArchiveFixture, _ places: [any PersonalPlace] = []) async throws -> [UInt8] {
        var document: [UInt8] = []
        let export = PersonExport(archive: fixture.archive, places: places)
        try await export.write(person) { document += $0 }
        return document
    }

    @Test(arguments: ArchiveKind.available)
    func `the document holds everything of the person and nothing of others, also over many pages`(kind: ArchiveKind)
        async throws
    {
        try await ArchiveFixture.with(kind) { fixture in
            var talk = Talk()
            let own = talk.session("4242424242", user: person.user)
            for number in 0..<1200 {
                talk.say("mine \(number)", in: own, by: person.user, metadata: #"{"n":\#(number)}"#)
            }
            let group = talk.session("-100", user: "7777")
            talk.say("theirs", in: group, by: "7777", metadata: #"{"group":true}"#)
            let asked = talk.say("in a group \"quoted\" 🙂", in: group, by: person.user, metadata: #"{"group":true}"#)
            talk.say("answer", in: group, metadata: #"{"in_reply_to":"\#(asked)"}"#)
            _ = try await fixture.store.write(talk.jobs)
            let spool = Spool(configuration: .init(directory: fixture.folder.path("spool")))
            var late = Talk()
            late.say("late", in: own, by: person.user)
            _ = try await spool.append(late.jobs.map { $0.encoded() })

            let document = try await Self.export(fixture, [LocalPlaces(directory: fixture.folder.path("spool"))])
            let view = try JSONView(parsing: document)
            #expect(view["user"].string == person.user && view["sessions"].count == 2)
            let mine = try #require(view["sessions"].elements.first { $0["theirs_alone"].bool == true })
            #expect(mine["messages"].count == 1200)
            #expect(mine["messages"].elements.map { $0["metadata"]["n"].int } == (0..<1200).map { Int64($0) })
            let shared = try #require(view["sessions"].elements.first { $0["theirs_alone"].bool == false })
            let texts = shared["messages"].elements.map { $0["text"].string }
            #expect(texts == ["in a group \"quoted\" 🙂", "answer"])
            #expect(view["elsewhere"].elements.map { $0["document"]["text"].string } == ["late"])
            #expect(view["elsewhere"].elements.map { $0["place"].string } == ["spool"])
            #expect(!String(decoding: document, as: UTF8.self).contains("theirs\""))
        }
    }

    @Test func `a person who is not known has an empty document`() async throws {
        try await ArchiveFixture.with(.sqlite) { fixture in
            let view = try JSONView(parsing: try await Self.export(fixture))
            #expect(view["export"].int == 1 && view["sessions"].count == 0 && view["elsewhere"].count == 0)
        }
    }
}
