import JSON
import Testing

@testable import Importer

struct BinaryJSONTests {
    /// Bytes as hexadecimal digits; texts between apostrophes.
    static func bytes(_ notation: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, part) in notation.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                bytes += Array(part.utf8)
            } else {
                let digits = Array(part.filter { $0 != " " })
                for place in stride(from: 0, to: digits.count, by: 2) {
                    bytes.append(UInt8(String(digits[place...place + 1]), radix: 16)!)
                }
            }
        }
        return bytes
    }

    @Test(arguments: [
        ("00", "null"), ("01", "true"), ("02", "false"),
        // A payload of these is reserved and passed over.
        ("10 ff", "null"), ("11 00", "true"), ("c2 02 0000", "false"),
        // The five spellings of 1 in the specification.
        ("13 31", "1"), ("c3 01 31", "1"), ("d3 0001 31", "1"), ("e3 00000001 31", "1"),
        ("f3 0000000000000001 31", "1"),
        ("33 '-42'", "-42"), ("13 '0'", "0"), ("c3 13 '9223372036854775808'", "9223372036854775808"),
        // INT5
        ("44 '0x1F'", "31"), ("44 '-0xa'", "-10"), ("44 '+0X9'", "9"), ("24 '+7'", "7"),
        ("c4 12 '0xFFFFFFFFFFFFFFFF'", "18446744073709551615"),
        ("c4 13 '0x10000000000000000'", "1.8446744073709552e+19"),
        // FLOAT and FLOAT5
        ("35 '1.5'", "1.5"), ("65 '-1e+10'", "-1e+10"), ("26 '.5'", "0.5"), ("26 '5.'", "5.0"), ("36 '+.5'", "0.5"),
        ("56 '-5.e3'", "-5.0e3"), ("86 'Infinity'", "9.0e999"), ("96 '-Infinity'", "-9.0e999"),
        // TEXT, TEXTJ, TEXT5, TEXTRAW
        ("07", #""""#), ("57 'hello'", #""hello""#), ("37 'a\"b'", #""a\"b""#),
        (#"78 'a\nb\"c'"#, #""a\nb\"c""#), (#"68 '\u00e9'"#, #""\u00e9""#), (#"28 '\/'"#, #""\/""#),
        (#"49 '\x41'"#, #""\u0041""#), (#"29 '\v'"#, #""\u000b""#), (#"29 '\0'"#, #""\u0000""#),
        (#"29 '\' 27"#, #""'""#), (#"19 '"'"#, #""\"""#), ("49 '\\' 0d0a 'x'", #""x""#), ("39 '\\' 0a 'x'", #""x""#),
        ("59 '\\' e280a8 'x'", #""x""#), (#"29 '\n'"#, #""\n""#), ("19 01", #""\u0001""#),
        ("3a 'a\"b'", #""a\"b""#), ("3a 610a62", #""a\u000ab""#), (#"2a 'a\'"#, #""a\\""#), ("2a c3a9", #""é""#),
        // Containers
        ("0b", "[]"), ("0c", "{}"), ("5b 1331 00 0b 0c", "[1,null,[],{}]"), ("3c 17'a' 01", #"{"a":true}"#),
        ("cc 08 17'a' 1331 18'b' 0b 01", "ERROR"), ("7c 17'a' 1331 1a'b' 0b", #"{"a":1,"b":[]}"#),
        ("dc 0007 17'a' 1331 17'b' 0b", #"{"a":1,"b":[]}"#),
    ])
    func `each element is written as JSON`(notation: String, json: String) throws {
        let decoded = BinaryJSON.decode(Self.bytes(notation)).map(\.text)
        #expect(decoded == (json == "ERROR" ? nil : json))
        if let decoded { _ = try JSONView(parsing: decoded) }
    }

    /// What SQLite 3.51.1 wrote, and what its own `json()` makes of it. (24,000 random documents were compared with it by hand; they
    /// differ in hexadecimal numbers beyond 64 bits alone, for which SQLite gives up.)
    @Test(arguments: [
        (
            "cc51c7106368616e6e656c5f706c6174666f726d8774656c656772616dc7186368616e6e656c5f65787465726e616c5468726561644964c71074656c656772616d3a2d313030313a37176e45312e353017610b",
            #"{"channel_platform":"telegram","channel_externalThreadId":"telegram:-1001:7","n":1.50,"a":[]}"#
        ), ("cc0e1761bc17628b133113323a782279", #"{"a":{"b":[1,2,"x\"y"]}}"#),
        (
            "cc2b176b5969745c2773176844307831461766262e351769652d3965393939176e001774885c75303065395c6e",
            #"{"k":"it's","h":31,"f":0.5,"i":-9e999,"n":null,"t":"\u00e9\n"}"#
        ),
        (
            "cc2117611331476c6f6e67c7103031323334353637383961626364656617623c176301",
            #"{"a":1,"long":"0123456789abcdef","b":{"c":true}}"#
        ), ("9b38615c6e35312e3500", #"["a\n",1.5,null]"#),
    ])
    func `what SQLite itself wrote is read as it reads it`(blob: String, json: String) {
        #expect(BinaryJSON.decode(Self.bytes(blob)).map(\.text) == json)
    }

    @Test(arguments: [
        "", "1331 00", "13", "c3", "c3 02 31", "d3 00", "e3 000000", "f3 00000000000001 31", "f3 ffffffffffffffff 31",
        "f3 8000000000000000 31", "0d", "0e", "0f", "1f 00", "03", "23 '01'", "13 '-'", "23 '1.'", "13 'x'", "33 '0x1'",
        "34 '0x'", "44 '0xg1'", "44 '0x-1'", "14 '1'", "25 '1.'", "15 '.'", "35 'NaN'", "36 'NaN'", "16 '.'",
        "36 '1.x'",
        "18 '\"'", "18 0a", #"18 '\'"#, #"28 '\x'"#, #"58 '\u12'"#, #"68 '\u12g4'"#, #"19 '\'"#, #"29 '\x'"#,
        #"49 '\x4g'"#,
        "3b 1331", "2b 23'1'", "1c 17", "2c 17'a'", "4c 1331 1331", "3c 00 1331", "2b 13", "5c 17'a' 43'1'",
    ])
    func `what is cut off, reserved or malformed is no JSON`(notation: String) {
        #expect(BinaryJSON.decode(Self.bytes(notation)) == nil)
    }

    @Test func `sizes of every form hold as much as they say`() {
        for count in [0, 1, 11, 12, 255, 256, 65_535, 65_536, 100_000] {
            let payload = [UInt8](repeating: 0x78, count: count)
            let expected = "\"" + payload.text + "\""
            for digits in [0, 1, 2, 4, 8] where digits == 0 ? count < 12 : count >> (digits * 8) == 0 || digits == 8 {
                let form: [Int: UInt8] = [1: 12, 2: 13, 4: 14, 8: 15]
                let size = (0..<digits).reversed().map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
                let head = digits == 0 ? UInt8(count) << 4 | 7 : form[digits]! << 4 | 7
                #expect(BinaryJSON.decode([head] + size + payload).map(\.text) == expected)
                // One byte less than it says.
                if count > 0 { #expect(BinaryJSON.decode([head] + size + payload.dropLast()) == nil) }
            }
        }
    }

    @Test func `nesting has a limit, and no stack ends before it`() {
        func nested(_ depth: Int) -> [UInt8] {
            var bytes: [UInt8] = [0x0b]
            for _ in 0..<depth {
                let size = (0..<4).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) }
                bytes = [0xeb] + size + bytes
            }
            return bytes
        }
        let deep = BinaryJSON.decode(nested(BinaryJSON.depthLimit))
        #expect(deep?.count == 2 * (BinaryJSON.depthLimit + 1))
        #expect(BinaryJSON.decode(nested(BinaryJSON.depthLimit + 1)) == nil)
        #expect(BinaryJSON.decode(nested(5000)) == nil)
    }

    @Test func `random bytes are read within their bounds, and what is read is JSON`() {
        var random = Random(state: 0x9e37_79b9_7f4a_7c15)
        var seeds = [
            Element.object([
                ("a", .array([.int(1), .yes, .null, .raw(6, ".5"), .raw(4, "0x10")])), ("b", .raw(9, #"\x41"#)),
            ]),
            .array([.raw(8, #"\u00e9\n"#), .raw(10, "a\"b"), .object([("k", .no)]), .raw(5, "1e5")]),
        ].flatMap { [$0.bytes(), $0.bytes(wide: true)] }
        seeds.append([])
        var read = 0
        for round in 0..<60_000 {
            var bytes = seeds[round % seeds.count]
            if bytes.isEmpty {
                bytes = (0..<(1 + Int(random.next() % 24))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            } else {
                for _ in 0..<(1 + random.next() % 3) {
                    let place = Int(random.next() % UInt64(bytes.count))
                    switch random.next() % 3 {
                    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
                    case 1: bytes.remove(at: place)
                    default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
                    }
                    if bytes.isEmpty { break }
                }
            }
            guard let text = BinaryJSON.decode(bytes) else { continue }
            read += 1
            // Only its UTF-8 may be bad.
            #expect(throws: Never.self, "\(bytes.hex)") {
                _ = try JSONView(parsing: String(decoding: text, as: UTF8.self))
            }
        }
        #expect(read > 1000)
    }
}

/// xorshift64*: the same numbers in every run.
struct Random {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return (state &* 0x2545_f491_4f6c_dd1d) >> 11
    }
}
