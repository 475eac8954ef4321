import Crypto
import Testing

struct TextCodingTests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `Base64 is as published, with padding and without`(text: String, encoded: String) {
        let bytes = Array(text.utf8)
        let bare = encoded.filter { $0 != "=" }
        #expect(Base64.encode(bytes) == encoded)
        #expect(Base64.encode(bytes, alphabet: .urlSafe) == bare)
        #expect(Base64.decode(encoded) == bytes)
        #expect(Base64.decode(bare) == bytes)
        #expect(Base64.decode(bare, alphabet: .urlSafe) == bytes)
    }

    @Test
    func `the alphabets differ in two characters and do not mix`() {
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
        #expect(Base64.encode([0xFB, 0xFF], alphabet: .urlSafe) == "-_8")
        #expect(Base64.decode("-_8") == nil)
        #expect(Base64.decode("+/8", alphabet: .urlSafe) == nil)
    }

    @Test(arguments: [
        "Z", "Zg=", "Zg===", "Zm8==", "Zm9v=", "Zm9v====", "Z=g=", "=", "====", "Zh==", "Zm9=", "Zm9v\n", " Zm9v",
        "Zm 9v", "Zm9v!",
        "Zé==", "Zg==Zg==",
    ])
    func `what is not Base64 is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test
    func `every byte survives both ways of writing`() {
        let all = Array(UInt8.min...UInt8.max)
        for count in 0...all.count {
            let bytes = Array(all.suffix(count))
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, alphabet: .urlSafe), alphabet: .urlSafe) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes).uppercased()) == bytes)
        }
    }

    @Test(arguments: ["0", "abc", "0g", "0x12", " 00", "00 ", "é0", "0-"])
    func `what is not hexadecimal is refused`(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test
    func `hexadecimal is written in lower case`() {
        #expect(Hex.encode([0x00, 0xAB, 0xFF, 0x09]) == "00abff09")
        #expect(Hex.decode("00aBFf09"[...]) == [0x00, 0xAB, 0xFF, 0x09])
    }
}
