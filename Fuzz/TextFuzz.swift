import BridgeCore
import Markdown

private let dialects: [(name: String, dialect: MarkdownDialect)] = [
    ("telegramHTML", .telegramHTML), ("telegramText", .telegramText), ("slackMrkdwn", .slackMrkdwn),
    ("whatsApp", .whatsApp), ("discord", .discord), ("teamsMarkdown", .teamsMarkdown), ("googleChat", .googleChat),
    ("matrixHTML", .matrixHTML), ("mattermost", .mattermost), ("rocketChat", .rocketChat), ("feishu", .feishu),
    ("plain", .plain),
]

/// Cuts a text to a limit and renders it.
///
/// The first two bytes say how; the rest is the text.
///
/// No part is over the limit, nothing but white space is lost, and the HTML is what Telegram takes.
func fuzzText(_ bytes: [UInt8]) {
    guard bytes.count > 2 else { return }
    let text = String(decoding: bytes[2...], as: UTF8.self)
    let (name, dialect) = dialects[Int(bytes[0]) % dialects.count]
    let rendered = dialect.render(text)
    reach[name, default: 0] += 1
    if name == "telegramHTML" { checkTags(rendered, ["b", "i", "s", "u", "code", "pre", "a", "blockquote"]) }
    let unit = [Capabilities.TextLimit.Unit.utf16, .utf8, .scalars][Int(bytes[1]) % 3]
    // From the shortest that leaves room for what mends a cut.
    let limit = 32 + Int(bytes[1]) * 4
    checkParts(of: text, TextSplitter(limit: .init(limit, unit)), limit)
    checkParts(
        of: text,
        TextSplitter(limit: .init(limit + 100, unit)) { text, format in
            format == .markdown ? dialect.render(text) : text
        }, nil)
}

/// - Parameter limit: nil where what is counted is not the text: one character may render beyond any limit.
private func checkParts(of text: String, _ splitter: TextSplitter, _ limit: Int?) {
    let plain = splitter.split(text, format: .plain)
    reach["parts", default: 0] += plain.count
    let (shown, meant) = (solid(plain.joined()), solid(text))
    promise(
        shown == meant,
        "plain text was lost or added: \(zip(shown, meant).enumerated().first { $1.0 != $1.1 }.map { "\($0)" } ?? "-"), \(shown.count) for \(meant.count)"
    )
    let marked = splitter.split(text, format: .markdown)
    if let limit {
        for part in plain + marked { promise(splitter.measure(part[...]) <= limit, "over the limit: \(part)") }
    }
    for part in plain + marked { promise(!part.isEmpty, "an empty part") }
    // What mends a cut is added; what was there stays, in its order.
    var words = text.unicodeScalars.lazy.filter(isLetter).makeIterator()
    var wanted = words.next()
    for scalar in marked.lazy.flatMap(\.unicodeScalars).filter(isLetter) where scalar == wanted {
        wanted = words.next()
    }
    promise(wanted == nil, "a letter of the Markdown was lost: \(wanted.map { "\($0)" } ?? "")")
    let first = splitter.firstPart(of: text, format: .markdown)
    promise(first.isEmpty == text.isEmpty || marked.isEmpty, "no first part")
    _ = splitter.rest(of: text, after: first)
}

private func isLetter(_ scalar: UnicodeScalar) -> Bool { scalar.properties.isAlphabetic }

private func solid(_ text: String) -> [UnicodeScalar] {
    text.unicodeScalars.filter { !$0.properties.isWhitespace }
}

/// The tags are those that are allowed, each is closed, and none within another's end.
private func checkTags(_ html: String, _ allowed: Set<String>) {
    var open: [Substring] = []
    var rest = html.utf8[...]
    while let start = rest.firstIndex(of: UInt8(ascii: "<")) {
        guard let end = rest[start...].firstIndex(of: UInt8(ascii: ">")) else { fatalError("a tag without an end") }
        var tag = html[html.utf8.index(after: start)..<end]
        if tag.hasPrefix("/") {
            tag = tag.dropFirst()
            promise(open.popLast() == tag, "</\(tag)> closes nothing: \(html)")
        } else {
            let name = tag.prefix { $0 != " " }
            promise(allowed.contains(String(name)), "<\(name)>: \(html)")
            open.append(name)
        }
        rest = rest[end...].dropFirst()
    }
    promise(open.isEmpty, "<\(open.last ?? "")> is not closed: \(html)")
}
