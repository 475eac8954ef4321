public import BridgeCore
internal import HTTPCore
internal import JSON

/// A long answer in Markdown with everything that agents write, and the trial whether it arrives complete.
///
/// ```swift
/// @Test func `a long answer arrives complete`() {
///     #expect(LongAnswer().findings(through: adapter, answering: event) == [])
/// }
/// ```
public struct LongAnswer: Sendable {
    /// The answer: prose, lists, quotes, tables, code within code, links, emoji, right-to-left and combining text.
    public let markdown: String
    /// What of it must be seen, in order; each of the words is there once.
    public let words: [String]

    /// An answer of at least so many characters; the same for the same seed.
    public init(characters: Int = 20_000, seed: UInt64 = 1) {
        var writer = LongAnswerWriter(seed: seed)
        while writer.text.count < characters { writer.section() }
        markdown = writer.text
        words = writer.words
    }

    /// What is wrong with the answer once an adapter has sent it, a line each; empty when all of it arrives.
    ///
    /// The engine's splitter cuts it, the adapter encodes each part, and the words are looked for in the requests.
    ///
    /// - Parameters:
    ///   - event: what is answered; an adapter may need what it has put there.
    ///   - counted: what the platform counts of a text that stands in a request; nil where that is only
    ///     known to the adapter's ``Capabilities/countedText``.
    public func findings(
        through adapter: any Adapter, answering event: InboundEvent,
        counting counted: ((String) -> String)? = nil, at now: Timestamp = .now()
    ) -> [String] {
        let capabilities = adapter.capabilities
        var findings: [String] = []
        for format in [OutboundAction.Format.markdown, .plain] {
            let parts = TextSplitter(capabilities).split(markdown, format: format)
            var texts: [String] = []
            for (number, part) in parts.enumerated() {
                findings += sizeFindings(of: part, format, number: number, capabilities)
                let action = OutboundAction(
                    id: UUID(high: 1, low: UInt64(number)), kind: .send(text: part, format: format), place: event.place,
                    part: number, replyTo: event.messageID, replyContext: event.replyContext)
                guard let request = adapter.encode(action, at: now) else {
                    findings.append("part \(number) of \(parts.count), \(format): encodes no request")
                    continue
                }
                let strings = LongAnswer.texts(in: request)
                texts += strings
                if let counted, let longest = strings.max(by: { $0.utf8.count < $1.utf8.count }) {
                    let size = capabilities.textLimit.unit.count(counted(longest)[...])
                    if size > capabilities.textLimit.count {
                        findings.append(
                            "part \(number), \(format): \(size) of \(capabilities.textLimit.count) in the request")
                    }
                }
            }
            findings += missing(from: texts.joined(separator: "\n")).map { "\($0), \(format)" }
        }
        return findings
    }

    /// What is wrong with the parts that the splitter makes for a platform, where `render` is how they are shown.
    public func findings(
        splitFor capabilities: Capabilities, format: OutboundAction.Format = .markdown, render: (String) -> String
    ) -> [String] {
        let parts = TextSplitter(capabilities).split(markdown, format: format)
        var findings: [String] = []
        for (number, part) in parts.enumerated() {
            findings += sizeFindings(of: part, format, number: number, capabilities)
        }
        return findings + missing(from: parts.map(render).joined(separator: "\n"))
    }

    /// The words that are not in a text in their order, up to ten.
    public func missing(from text: String) -> [String] {
        var missing: [String] = []
        var rest = text[...]
        for word in words {
            if let range = rest.firstRange(of: word) {
                rest = rest[range.upperBound...]
            } else {
                missing.append(text.contains(word) ? "\(word) is out of its place" : "\(word) is missing")
                if missing.count == 10 { break }
            }
        }
        return missing
    }

    private func sizeFindings(
        of part: String, _ format: OutboundAction.Format, number: Int, _ capabilities: Capabilities
    ) -> [String] {
        let size = TextSplitter(capabilities).size(of: part, format: format)
        guard size > capabilities.textLimit.count else { return [] }
        return ["part \(number), \(format): \(size) of \(capabilities.textLimit.count) are counted"]
    }

    /// The texts that a request carries, in order: those of a JSON body, a form, or the body as it is.
    private static func texts(in request: OutboundRequest) -> [String] {
        if let body = try? JSONView(parsing: request.body), body.kind == .object || body.kind == .array {
            var texts: [String] = []
            collect(body, into: &texts)
            return texts
        }
        if request.headers["Content-Type"]?.contains("form-urlencoded") == true {
            return HTTPPercentEncoding.decodeForm(request.body).map(\.value)
        }
        return [String(decoding: request.body, as: UTF8.self)]
    }

    private static func collect(_ view: JSONView, into texts: inout [String]) {
        switch view.kind {
        case .object: for member in view.members { collect(member.value, into: &texts) }
        case .array: for element in view.elements { collect(element, into: &texts) }
        default:
            guard let text = view.string else { return }
            // Some platforms take JSON within a string.
            if text.first == "{", let inner = try? JSONView(parsing: text), inner.kind == .object {
                collect(inner, into: &texts)
            } else {
                texts.append(text)
            }
        }
    }
}

/// Writes sections of Markdown and remembers their words.
private struct LongAnswerWriter {
    var text = ""
    var words: [String] = []
    private var chance: SeededGenerator
    private var sections = 0

    init(seed: UInt64) { chance = SeededGenerator(seed: seed) }

    mutating func section() {
        sections += 1
        if sections % 4 == 1 { text += "## \(word()) \(word())\n\n" }
        switch sections % 8 {
        case 0: unbroken()
        case 1: prose()
        case 2: lists()
        case 3: table(columns: 2 + Int.random(in: 0...2, using: &chance), rows: 12, wide: false)
        case 4: code()
        case 5: quote()
        case 6: table(columns: 3, rows: 6, wide: true)
        default: codeInLists()
        }
    }

    /// A word that is nowhere else, in one of several scripts.
    private mutating func word() -> String {
        let stems = ["word", "Wort", "مرحبا", "từ", "e\u{301}te\u{301}", "слово", "שלום", "👩‍👩‍👧‍👦", "🇻🇳"]
        let stem = stems[min(stems.count - 1, Int.random(in: 0...24, using: &chance) % 16 / 2)]
        let word = "\(stem)\(words.count)q"
        words.append(word)
        return word
    }

    private mutating func sentence(_ count: Int) -> String {
        var pieces: [String] = []
        for _ in 0..<count {
            switch Int.random(in: 0..<16, using: &chance) {
            case 0: pieces.append("**\(word()) \(word())**")
            case 1: pieces.append("*\(word())*")
            case 2: pieces.append("`\(word())`")
            case 3: pieces.append("[\(word()) \(word())](https://example.com/a_b?x=1&y=(2))")
            case 4: pieces.append("~~\(word())~~")
            case 5: pieces.append("<\(word())> & \(word())")
            case 6: pieces.append("https://example.com/\(words.count)_page_ \(word())")
            case 7: pieces.append("👍🏽 \(word())")
            default: pieces.append(word())
            }
        }
        return pieces.joined(separator: " ") + "."
    }

    private mutating func prose() {
        for _ in 0..<3 {
            text += (0..<6).map { _ in sentence(12) }.joined(separator: " ") + "\n\n"
        }
        // Emphasis that is longer than a message of some platforms.
        text += "**" + (0..<200).map { _ in word() }.joined(separator: " ") + "**\n\n"
    }

    /// Text without any spaces, as Chinese and Japanese have it.
    private mutating func unbroken() {
        for _ in 0..<150 { text += "漢字\(word())、かな" }
        text += "。\n\n"
    }

    private mutating func lists() {
        for _ in 0..<14 {
            // As agents often number them.
            text += "1. \(sentence(6))\n"
            text += "   - \(sentence(5))\n     more \(sentence(3))\n   - [ ] \(word())\n"
        }
        text += "\n"
        for _ in 0..<6 { text += "- \(sentence(4))\n\n  \(sentence(8))\n\n" }
    }

    private mutating func table(columns: Int, rows: Int, wide: Bool) {
        func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        text += "\(word()):\n\n" + row((0..<columns).map { _ in word() })
        text += row((0..<columns).map { $0 == 0 ? ":--" : "--:" })
        for _ in 0..<rows { text += row((0..<columns).map { _ in wide ? sentence(4) : word() }) }
        text += "\n"
    }

    private mutating func code() {
        text += "````markdown\n# \(word())\n```swift\n"
        for number in 0..<20 { text += String(repeating: " ", count: number % 5 * 2) + "let \(word()) = a < b && c\n" }
        text += "```\n\n~~~\n\(word())\n~~~\n````\n\n~~~text\n\(word())\n```\n\(word())\n~~~\n\n"
    }

    private mutating func codeInLists() {
        for _ in 0..<4 {
            text += "2) \(word())\n   ```sh\n"
            for _ in 0..<8 { text += "   echo \(word()) | \(word())\n" }
            text += "   ```\n"
        }
        text += "\n"
    }

    private mutating func quote() {
        for _ in 0..<4 { text += "> \(sentence(30))\n" }
        text += "> > \(sentence(6))\n\n"
    }
}
