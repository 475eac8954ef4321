import JSON
import Testing

struct JSONRepairTests {
    @Test(arguments: [
        (#""\ud800""#, "\u{fffd}"), (#""\udc00""#, "\u{fffd}"), (#""a\uD83Db""#, "a\u{fffd}b"),
        (#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"), (#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        (#""\ud83d\n""#, "\u{fffd}\n"), (#""\\ud800\ud800""#, #"\ud800"# + "\u{fffd}"),
        (#""\ud83d\u0041""#, "\u{fffd}A"),
        (#""\"\ud800\"""#, "\"\u{fffd}\""),
    ])
    func `a lone surrogate becomes the replacement character`(text: String, expected: String) throws {
        #expect(try JSONView(parsing: text).string == expected)
        let object = try JSONView(parsing: #"{"\ud800":1,"text":\#(text),"after":"\ud83d\ude00"}"#)
        #expect(object["text"].string == expected)
        #expect(object["after"].string == "😀")
        #expect(object["\u{fffd}"].int == 1)
    }

    @Test(arguments: [
        ("18446744073709551616", 0x1p64), ("-9223372036854775809", -0x1p63),
        ("123456789012345678901234567890", 123_456_789_012_345_677_877_719_597_056),
        ("1e400", .greatestFiniteMagnitude),
        ("-1e400", -.greatestFiniteMagnitude), ("1.5E+999", .greatestFiniteMagnitude),
        (String(repeating: "9", count: 400), .greatestFiniteMagnitude),
        ("1" + String(repeating: "0", count: 300), 1e300),
    ])
    func `a number that no integer holds becomes a double`(text: String, expected: Double) throws {
        let view = try JSONView(
            parsing: #"{"before":[1,-2.5e0,9223372036854775807],"n":\#(text),"s":"\#(text)","after":true}"#)
        #expect(view["n"].double == expected)
        #expect(view["n"].int == nil && view["n"].uint == nil && view["n"].idString == nil)
        #expect(view["before"].elements.map(\.double) == [1, -2.5, 0x1p63])
        #expect(view["before"][2].int == .max)
        #expect(view["s"].string == text)
        #expect(view["after"].bool == true)
        #expect(try JSONView(parsing: text).double == expected)
    }

    @Test(arguments: [
        #"{"a":"\ud800","#, #"{"a":"\ud800","b":01}"#, #"["\ud800" 18446744073709551616]"#, #"[018446744073709551616]"#,
        #"[18446744073709551616.]"#, #"["\ud8"#, #"["\ud800"#, #"["\"#, "-", "99999999999999999999-1", #"["\ud800\x"]"#,
    ])
    func `mending does not make JSON of what is none`(text: String) {
        #expect(throws: JSONError.self) { try JSONView(parsing: text) }
    }
}
