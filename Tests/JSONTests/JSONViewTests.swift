import JSON
import Testing

struct JSONViewTests {
    @Test
    func `a path through objects and arrays reaches its value`() throws {
        let view = try JSONView(parsing: #"{"a":{"b":[10,{"c":"deep"}]},"n":null,"t":true}"#)
        #expect(view["a"]["b"][1]["c"].string == "deep")
        #expect(view["a"]["b"][0].int == 10)
        #expect(view["t"].bool == true)
        #expect(view["n"].isNull)
        #expect(view["n"].exists)
        #expect(view.count == 3)
        #expect(view["a"]["b"].count == 2)
    }

    @Test
    func `a path through what is missing stays missing and answers nothing`() throws {
        let view = try JSONView(parsing: #"{"text":"hi","list":[1]}"#)
        for missing in [
            view["x"], view["x"]["y"][3]["z"], view["text"]["y"], view["text"][0], view["list"]["0"], view["list"][1],
            view["list"][-1], view[0], .missing,
        ] {
            #expect(missing.kind == .missing)
            #expect(!missing.exists)
            #expect(!missing.isNull)
            #expect(missing.string == nil && missing.int == nil && missing.uint == nil)
            #expect(missing.double == nil && missing.bool == nil && missing.idString == nil)
            #expect(missing.count == 0)
            #expect(Array(missing.elements).isEmpty)
            #expect(Array(missing.members).isEmpty)
        }
    }

    @Test(arguments: [
        ("null", JSONView.Kind.null), ("true", .bool), ("false", .bool), ("0", .number), ("-7", .number),
        ("1.5", .number),
        ("18446744073709551615", .number), (#""""#, .string), ("[]", .array), ("{}", .object), (" [ ] \n", .array),
    ])
    func `every kind of value may be a document`(text: String, kind: JSONView.Kind) throws {
        #expect(try JSONView(parsing: text).kind == kind)
    }

    @Test(
        arguments: [
            ("0", Int64(0), UInt64(0), 0.0), ("-0", 0, 0, 0), ("-1", -1, nil, -1),
            ("9007199254740993", 9_007_199_254_740_993, 9_007_199_254_740_993, 9_007_199_254_740_992),
            ("9223372036854775807", .max, UInt64(Int64.max), 0x1p63),
            ("-9223372036854775808", .min, nil, -0x1p63),
            ("9223372036854775808", nil, 9_223_372_036_854_775_808, 0x1p63),
            ("18446744073709551615", nil, .max, 0x1p64),
            ("1.0", nil, nil, 1), ("1e3", nil, nil, 1000), ("-2.5E-1", nil, nil, -0.25),
            ("5e-324", nil, nil, 0x1p-1074),
            ("1e-400", nil, nil, 0),
        ] as [(String, Int64?, UInt64?, Double)])
    func `numbers are read by the types that hold them`(text: String, int: Int64?, uint: UInt64?, double: Double) throws
    {
        let view = try JSONView(parsing: text)
        #expect(view.int == int)
        #expect(view.uint == uint)
        #expect(view.double == double)
        #expect(view.string == nil)
    }

    @Test(
        arguments: [
            (#""C123""#, "C123"), (#""""#, ""), ("42", "42"), ("-100123456", "-100123456"),
            ("18446744073709551615", "18446744073709551615"), ("1.0", nil), ("true", nil), ("null", nil), ("[1]", nil),
        ] as [(String, String?)])
    func `identifiers are strings or integers`(text: String, id: String?) throws {
        #expect(try JSONView(parsing: text).idString == id)
    }

    @Test
    func `an indexed object has the members that it had, and no others`() throws {
        let names = (0..<80).map { number in
            ["a", "id", "name", "é", ""][number % 5] + String(repeating: "x", count: number / 5)
        }
        for count in [0, 1, 2, 7, 80] {
            let object = names.prefix(count).enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
            let view = try JSONView(parsing: "{\(object)}").indexed
            for (number, name) in names.enumerated() {
                #expect(view[name].int == (number < count ? Int64(number) : nil))
            }
            #expect(view.count == count && view.members.map(\.key) == Array(names.prefix(count)))
        }
        for text in ["[1]", "1", "null", #""text""#] {
            let view = try JSONView(parsing: text)
            #expect(view.indexed.kind == view.kind && view.indexed[""].kind == .missing)
        }
        #expect(!JSONView.missing.indexed["a"].exists)
        #expect(try JSONView(parsing: "[1]").indexed[0].int == 1)
    }

    @Test
    func `texts of any length and script come back`() throws {
        for length in 0..<40 {
            for last in ["", "z", "é", "ก", "😀", "\u{0}"] {
                let text = String(repeating: "y", count: length) + last
                var writer = JSONWriter()
                writer.value(text)
                let read = try #require(try JSONView(parsing: writer.bytes).string)
                #expect(read == text && Array(read.utf8) == Array(text.utf8))
                #expect(read.utf16.count == text.utf16.count)
            }
        }
    }

    @Test
    func `of repeated names the first wins and the walk shows all`() throws {
        let view = try JSONView(parsing: #"{"a":1,"b":2,"a":3}"#)
        #expect(view["a"].int == 1)
        #expect(view.members.map(\.key) == ["a", "b", "a"])
        #expect(view.members.map { $0.value.int } == [1, 2, 3])
    }

    @Test
    func `names with escapes, other scripts and emptiness are found by their text`() throws {
        let view = try JSONView(parsing: #"{"\u0061\"b":1,"مرحبا":2,"":3,"e\u0301":4}"#)
        #expect(view["a\"b"].int == 1)
        #expect(view["مرحبا"].int == 2)
        #expect(view[""].int == 3)
        #expect(view["e\u{301}"].int == 4)
        #expect(view["\u{e9}"].kind == .missing)
    }

    @Test
    func `elements walk nested values in order`() throws {
        let view = try JSONView(parsing: #"[1,[2,3],{"x":[4]},"five"]"#)
        #expect(view.elements.map(\.kind) == [.number, .array, .object, .string])
        #expect(Array(view.elements)[1].elements.map(\.int) == [2, 3])
        #expect(Array(view.elements)[3].string == "five")
        #expect(Array(view.members).isEmpty)
    }

    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u0000x""#, "\0x"), (#""\u00e9\u20AC""#, "é€"),
        (#""\ud83d\ude00""#, "😀"), ("\"😀é\u{202e}\"", "😀é\u{202e}"), ("\"\u{7f}\"", "\u{7f}"),
    ])
    func `every escape is understood`(text: String, expected: String) throws {
        #expect(try JSONView(parsing: text).string == expected)
    }

    @Test(
        arguments: [
            ("", JSONError.Reason.empty), (" \n", .empty), ("\u{feff}", .empty), ("{", nil), ("{}x", nil),
            ("{} {}", nil), ("1 2", nil),
            ("[1,]", nil), ("{\"a\":1,}", nil), ("{\"a\" 1}", nil), ("{a:1}", nil), ("'a'", nil), ("nul", nil),
            ("truee", nil),
            ("\"abc", nil), ("\"\\x\"", nil), ("\"\\u12\"", nil), ("\"a\nb\"", .invalidString), ("\0", nil),
            ("{}\0", nil),
            ("\"a\0b\"", .invalidString), ("01", nil), ("+1", nil), ("1.", nil), (".5", nil), ("-", nil), ("NaN", nil),
            ("Infinity", nil), ("0x10", nil), ("[1 2]", nil), ("]", nil), ("\u{feff}\u{feff}{}", nil),
        ] as [(String, JSONError.Reason?)])
    func `what is not JSON is refused`(text: String, reason: JSONError.Reason?) {
        let error = #expect(throws: JSONError.self) { try JSONView(parsing: text) }
        if let reason { #expect(error?.reason == reason) }
    }

    @Test(
        arguments: [
            ([0x22, 0xFF, 0x22], 1), ([0x22, 0x61, 0xC0, 0xAF, 0x22], 2), ([0x22, 0xED, 0xA0, 0x80, 0x22], 1),
            ([0xEF, 0xBB, 0xBF, 0x22, 0xC3, 0xA9, 0xE2, 0x82, 0x22], 6), ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
        ] as [([UInt8], Int)])
    func `bytes that are not UTF-8 are refused at their offset`(bytes: [UInt8], offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSONView(parsing: bytes) }
        #expect(error == JSONError(reason: .invalidUTF8, offset: offset))
    }

    @Test
    func `a byte order mark is skipped`() throws {
        #expect(try JSONView(parsing: "\u{feff}{\"a\":1}")["a"].int == 1)
    }

    @Test
    func `nesting is bounded`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        var view = try JSONView(parsing: nested(1000))
        for _ in 1..<1000 { view = view[0] }
        #expect(view.kind == .array && view.count == 0)
        for text in [nested(2000), nested(100_000), String(repeating: #"{"a":"#, count: 100_000)] {
            let error = #expect(throws: JSONError.self) { try JSONView(parsing: text) }
            #expect(error?.reason == .tooDeep || error?.reason == .syntax)
        }
    }

    @Test
    func `an error never shows the text`() {
        let error = #expect(throws: JSONError.self) { try JSONView(parsing: #"{"token":"hunter2" "#) }
        #expect(error.map { "\($0)".contains("hunter2") } == false)
    }

    @Test
    func `large arrays are counted and read`() throws {
        var text = "["
        text += (0..<100_000).map(String.init).joined(separator: ",")
        text += "]"
        let view = try JSONView(parsing: text)
        #expect(view.count == 100_000)
        #expect(view[99_999].int == 99_999)
        #expect(view.elements.reduce(0) { $0 + ($1.int ?? 0) } == 4_999_950_000)
    }
}
