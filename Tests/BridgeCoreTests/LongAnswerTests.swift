import BridgeCore
import BridgeTesting
import Markdown
import Testing

/// A long answer in every dialect, at every limit that a platform has.
struct LongAnswerTests {
    private static let dialects: [(name: String, shown: MarkdownDialect, counted: MarkdownDialect?)] = [
        ("telegram", .telegramHTML, .telegramText), ("slack", .slackMrkdwn, .slackMrkdwn),
        ("whatsApp", .whatsApp, .whatsApp),
        ("discord", .discord, .discord), ("teams", .teamsMarkdown, .teamsMarkdown),
        ("googleChat", .googleChat, .googleChat), ("matrix", .matrixHTML, .matrixHTML),
        ("mattermost", .mattermost, .mattermost), ("rocketChat", .rocketChat, .rocketChat),
        ("feishu", .feishu, .feishu),
        ("plain", .plain, .plain),
    ]
    private static let limits: [Capabilities.TextLimit] = [
        .init(70, .utf16), .init(300, .utf16), .init(640, .scalars), .init(1000, .utf8), .init(1600, .utf16),
        .init(2000, .utf16),
        .init(4096, .utf16), .init(5000, .utf16), .init(7000, .scalars), .init(16_383, .scalars), .init(32_000, .utf8),
    ]

    @Test(arguments: dialects.map(\.name))
    func `every word arrives in order, and no part is over the limit`(name: String) throws {
        let dialect = try #require(Self.dialects.first { $0.name == name })
        let answer = LongAnswer(seed: UInt64(name.utf8.count))
        #expect(answer.markdown.count >= 20_000)
        // The tags of Matrix are counted with the text, and a row of a table must fit.
        for limit in Self.limits where name != "matrix" || limit.count > 600 {
            let counted = dialect.counted
            let capabilities = Capabilities(textLimit: limit, countedText: { text, _ in counted?.render(text) ?? text })
            let findings = answer.findings(splitFor: capabilities) { dialect.shown.render($0) }
            #expect(findings == [], "\(name), \(limit)")
        }
    }

    @Test func `what is lost, or is over the limit in a request, is found`() {
        let answer = LongAnswer(characters: 2000)
        let capabilities = Capabilities(textLimit: .init(500, .utf16))
        #expect(answer.findings(splitFor: capabilities) { String($0.dropLast(20)) } != [])
        let adapter = PlainAdapter(apiBase: "http://127.0.0.1", capabilities: capabilities)
        let event = InboundEvent(
            id: EventID("1"), kind: .text, disposition: .answer, place: .init(conversation: ConversationID("1")))
        #expect(answer.findings(through: adapter, answering: event, counting: { $0 }) == [])
        #expect(answer.findings(through: adapter, answering: event, counting: { $0 + $0 }) != [])
    }
}
