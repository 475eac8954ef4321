internal import HTTPCore
internal import JSON

/// Changes of a payload that a reader must bear: of its structure, so that it stays JSON, and of its bytes.
///
/// Members are left out, given again, moved, renamed, wrapped in lists and given values of other types; what JSON a text
/// or a field of a form holds is changed in its place.
public enum PayloadMutation {
    /// Values of every type, and those that parsers fall over.
    private static let values = [
        "null", "true", "-1", "0", "1.5", "1e400", "-1e400", "9007199254740993", "99999999999999999999", "\"\"",
        "\"\\u0000\"", "\"\\ud800\"", "\"text\"", "[]", "{}", "[[[[]]]]", "[null]", "{\"id\":{}}", "[{\"id\":[]}]",
        "-9223372036854775808", "18446744073709551615", "1E-400", "\"-1\"", "\"99999999999999999999\"", "1e18",
        "\"🇺🇦\\t\"",
    ].map { Array($0.utf8) }

    /// A payload with one to three random changes.
    ///
    /// - Parameter structure: how many of eight changes are of the structure; the others are of bytes.
    public static func mutated(
        _ body: [UInt8], structure: Int = 5, using random: inout SeededGenerator
    ) -> [UInt8] {
        var body = body
        for _ in 0...Int.random(in: 0..<3, using: &random) {
            guard !body.isEmpty else { break }
            if Int.random(in: 0..<8, using: &random) < structure {
                body = restructured(body, depth: 0, using: &random)
            } else {
                changeBytes(of: &body, using: &random)
            }
        }
        return body
    }

    /// Every payload that differs in one value: left out, of another type, in a list, in an object, twice.
    public static func eachChange(of body: [UInt8], _ use: ([UInt8]) -> Void) {
        for value in PayloadOutline(body).values {
            use(without(value, in: body))
            let old = Array(body[value.range])
            for new in values + [bytes("[", old, "]"), bytes("{\"id\":", old, "}"), bytes("[", old, ",", old, "]")] {
                use(replaced(value.range, by: new, in: body))
            }
        }
    }

    private static func changeBytes(of body: inout [UInt8], using random: inout SeededGenerator) {
        let place = Int.random(in: 0..<body.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: body[place] = UInt8.random(in: .min ... .max, using: &random)
        case 1: body.removeSubrange(place..<min(body.count, place + Int.random(in: 1..<20, using: &random)))
        case 2: body.insert(contentsOf: body[place...].prefix(30), at: place)
        default: body.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
        }
    }

    private static func restructured(
        _ body: [UInt8], depth: Int, using random: inout SeededGenerator
    ) -> [UInt8] {
        let first = body.first { $0 > 0x20 }
        if first != UInt8(ascii: "{"), first != UInt8(ascii: "["), body.contains(UInt8(ascii: "=")) {
            return form(body, depth: depth, using: &random)
        }
        let all = PayloadOutline(body).values
        guard let value = all.randomElement(using: &random) else { return body }
        let old = Array(body[value.range])
        if depth < 3, old.count > 4, old[0] == UInt8(ascii: "\""), Bool.random(using: &random),
            let inner = try? JSONView(parsing: old).string, let first = inner.utf8.first, "{[".utf8.contains(first)
        {
            let changed = restructured(Array(inner.utf8), depth: depth + 1, using: &random)
            var writer = JSONWriter()
            writer.value(String(decoding: changed, as: UTF8.self))
            return replaced(value.range, by: writer.bytes, in: body)
        }
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: return without(value, in: body)
        case 2: return replaced(value.range, by: bytes("[", old, "]"), in: body)
        case 3: return replaced(value.range, by: bytes("{\"id\":", old, "}"), in: body)
        case 4: return replaced(value.range, by: bytes("[", old, ",", old, "]"), in: body)
        case 5:  // the same name twice, with another value
            let other = all.randomElement(using: &random) ?? value
            guard let start = value.nameStart else { return body }
            let twin = Array(body[start..<value.range.lowerBound]) + Array(body[other.range])
            return replaced(value.range, by: bytes("", old, ",", twin, ""), in: body)
        case 6:  // another value of the same payload
            let other = all.randomElement(using: &random) ?? value
            return replaced(value.range, by: Array(body[other.range]), in: body)
        case 7:  // a number in quotation marks, or a text without
            let isText = old.first == UInt8(ascii: "\"")
            let new = isText && old.count > 2 ? Array(old[1..<(old.count - 1)]) : bytes("\"", old, "\"")
            return replaced(value.range, by: new, in: body)
        case 8:  // the name of another member
            let other = all.randomElement(using: &random) ?? value
            guard let start = value.nameStart, let otherStart = other.nameStart else { return body }
            let name = Array(body[otherStart..<other.range.lowerBound])
            return replaced(start..<value.range.lowerBound, by: name, in: body)
        default:
            return replaced(value.range, by: values.randomElement(using: &random) ?? [], in: body)
        }
    }

    private static func form(_ body: [UInt8], depth: Int, using random: inout SeededGenerator) -> [UInt8] {
        var fields = HTTPPercentEncoding.decodeForm(body)
        guard depth < 3, !fields.isEmpty else { return body }
        let place = Int.random(in: 0..<fields.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: fields.remove(at: place)
        case 1: fields.append((fields[place].name, fields.randomElement(using: &random)?.value ?? ""))
        case 2: fields[place].name = fields.randomElement(using: &random)?.name ?? ""
        case 3:
            let value = values.randomElement(using: &random) ?? []
            fields[place].value = String(decoding: value.filter { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
        default:
            let changed = mutated(Array(fields[place].value.utf8), using: &random)
            fields[place].value = String(decoding: changed, as: UTF8.self)
        }
        let pairs = fields.map { HTTPPercentEncoding.encode($0.name) + "=" + HTTPPercentEncoding.encode($0.value) }
        return Array(pairs.joined(separator: "&").utf8)
    }

    /// The body without a value, its name, and a comma beside it.
    private static func without(_ value: PayloadOutline.Value, in body: [UInt8]) -> [UInt8] {
        var range = value.member
        if let next = body[range.upperBound...].firstIndex(where: { $0 > 0x20 }), body[next] == UInt8(ascii: ",") {
            range = range.lowerBound..<next + 1
        } else if let last = body[..<range.lowerBound].lastIndex(where: { $0 > 0x20 }), body[last] == UInt8(ascii: ",")
        {
            range = last..<range.upperBound
        }
        return replaced(range, by: [], in: body)
    }

    private static func replaced(_ range: Range<Int>, by new: [UInt8], in body: [UInt8]) -> [UInt8] {
        Array(body[..<range.lowerBound]) + new + Array(body[range.upperBound...])
    }

    private static func bytes(_ start: String, _ first: [UInt8], _ end: String) -> [UInt8] {
        Array(start.utf8) + first + Array(end.utf8)
    }

    private static func bytes(
        _ start: String, _ first: [UInt8], _ middle: String, _ second: [UInt8], _ end: String
    ) -> [UInt8] {
        bytes(start, first, middle) + second + Array(end.utf8)
    }
}
