import JSON
import Testing

struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test
    func `commas stand between values and nowhere else`() {
        let text = written { json in
            json.object { json in
                json.field("a", 1)
                json.objectField("empty") { _ in }
                json.arrayField("list") { json in
                    json.value(1)
                    json.array { _ in }
                    json.object { $0.field("x", true) }
                    json.null()
                    json.value("s")
                }
                json.key(String("dyn\"amic"))
                json.value(2.5)
                json.nullField("n")
                json.rawField("raw", Array("[1,2]".utf8))
                json.field("last", "z")
            }
        }
        #expect(
            text
                == #"{"a":1,"empty":{},"list":[1,[],{"x":true},null,"s"],"dyn\"amic":2.5,"n":null,"raw":[1,2],"last":"z"}"#
        )
    }

    @Test
    func `nil leaves its member out`() {
        let text = written { json in
            json.object { json in
                json.field("a", String?.none)
                json.field("b", Int64?.none)
                json.field("c", Int?.none)
                json.field("d", Double?.none)
                json.field("e", Bool?.none)
                json.field("f", String?("x"))
                json.field("g", Int64?(7))
            }
        }
        #expect(text == #"{"f":"x","g":7}"#)
    }

    @Test(arguments: [
        ("", #""""#), ("plain text of some length", #""plain text of some length""#), ("\"", #""\"""#),
        ("\\", #""\\""#),
        ("a\"b\\c", #""a\"b\\c""#), ("\n\r\t\u{8}\u{c}", #""\n\r\t\b\f""#), ("\0\u{1}\u{1f}", #""\u0000\u0001\u001f""#),
        ("\u{7f}/é😀\u{2028}", "\"\u{7f}/é😀\u{2028}\""), ("مرحبا", "\"مرحبا\""),
    ])
    func `strings escape what they must and nothing else`(text: String, expected: String) {
        #expect(written { $0.value(text) } == expected)
    }

    @Test
    func `every byte that needs an escape is found at every place of a word`() throws {
        for scalar in (0..<0x20).map({ UnicodeScalar(UInt8($0)) }) + [
            "\"", "\\", "!", "#", "[", "]", " ", "\u{80}", "ÿ", "¢", "\u{7f}",
        ] {
            for before in 0..<18 {
                for after in [0, 1, 7, 8, 9] {
                    let text =
                        String(repeating: "x", count: before) + String(scalar) + String(repeating: "é", count: after)
                    let json = written { $0.value(text) }
                    #expect(try JSONView(parsing: json).string == text)
                    #expect(json.unicodeScalars.allSatisfy { $0.value >= 0x20 })
                }
            }
        }
    }

    @Test
    func `a text of any length with an escape at any place comes back as it was`() throws {
        // Lengths on both sides of the words in which it is copied; the last place is behind the text: no escape.
        for length in 0...33 {
            for place in 0...length {
                for filler in ["x", "é", "😀", "\u{7f}"] {
                    var text = ""
                    for index in 0..<length { text += index == place ? "\n" : filler }
                    let json = written { json in
                        json.array { json in
                            json.value(text)
                            json.object { $0.field("k", text) }
                        }
                    }
                    let view = try JSONView(parsing: json)
                    #expect(view[0].string == text)
                    #expect(view[1]["k"].string == text)
                }
            }
        }
    }

    @Test(arguments: [0, 11, 12, 13, 24, 25, 200])
    func `more escapes than room was made for are all written`(count: Int) {
        let text = String(repeating: "\u{1}", count: count)
        let escaped = String(repeating: #"\u0001"#, count: count)
        #expect(written { $0.value(text) } == "\"\(escaped)\"")
        #expect(written { $0.value("a" + text + "b\"") } == "\"a\(escaped)b\\\"\"")
        let json = written { json in json.object { $0.field("name", "é" + text) } }
        #expect(json == "{\"name\":\"é\(escaped)\"}")
    }

    @Test
    func `names of any length are written whole`() {
        let text = written { json in
            json.object { json in
                json.field("a", 1)
                json.field("ab", Int64.min)
                json.field("abc", UInt64.max)
                json.field("abcd", "")
                json.field("abcdefg", 0)
                json.field("abcdefgh", -1)
                json.field("abcdefghi", 10)
                json.field("abcdefghijklmnop", true)
                json.rawField("abcdefghijklmnopq", Array("[]".utf8))
                json.field("abcdefghijklmnopqrstuvwxyz", "z")
            }
        }
        #expect(
            text
                == #"{"a":1,"ab":-9223372036854775808,"abc":18446744073709551615,"abcd":"","abcdefg":0,"abcdefgh":-1,"abcdefghi":10,"abcdefghijklmnop":true,"abcdefghijklmnopq":[],"abcdefghijklmnopqrstuvwxyz":"z"}"#
        )
    }

    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (1.5, "1.5"), (0.1, "0.1"), (1e300, "1e+300"), (0x1p-1074, "5e-324"),
        (.nan, "null"),
        (.infinity, "null"), (-.infinity, "null"), (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
    ])
    func `doubles are short and finite`(number: Double, expected: String) throws {
        #expect(written { $0.value(number) } == expected)
        if number.isFinite { #expect(try JSONView(parsing: expected).double == number) }
    }

    @Test(arguments: [0, 9, 10, -1, 1_234_567_890, .max, .min, -10] as [Int64])
    func `integers are written in decimal`(number: Int64) {
        #expect(written { $0.value(number) } == String(number))
        #expect(written { $0.value(number.magnitude) } == String(number.magnitude))
    }

    @Test
    func `the largest unsigned integer is written whole`() {
        #expect(written { $0.value(UInt64.max) } == "18446744073709551615")
    }

    @Test
    func `a view is copied with all that is in it`() throws {
        let source = #"{"a":[1,-2,2.5,"x\"y\n",null,true,{"k":{}},[]],"é":"😀","big":18446744073709551615}"#
        let view = try JSONView(parsing: source)
        #expect(written { $0.value(view) } == source)
        #expect(written { json in json.object { $0.field("part", view["a"][6]) } } == #"{"part":{"k":{}}}"#)
        #expect(
            written { json in
                json.array {
                    $0.value(view["none"]); $0.value(view["big"])
                }
            } == "[null,18446744073709551615]")
    }

    @Test
    func `the deepest document is copied`() throws {
        let source = String(repeating: #"{"a":["#, count: 500) + String(repeating: "]}", count: 500)
        let view = try JSONView(parsing: source)
        #expect(written { $0.value(view) } == source)
    }

    @Test
    func `mended text is copied as valid UTF-8`() throws {
        let view = try JSONView(parsing: #"["\ud800",1e999]"#)
        #expect(written { $0.value(view) } == "[\"\u{fffd}\",1.7976931348623157e+308]")
    }
}
