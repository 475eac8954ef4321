import Crypto
import Testing

struct HMACSHA256Tests {
    /// RFC 4231, section 4, cases 1 to 4, 6 and 7; the last is of nothing with no key.
    static let vectors: [(key: [UInt8], message: [UInt8], code: String)] = [
        (
            [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            Array(1...25), [UInt8](repeating: 0xcd, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131),
            Array(
                """
                This is a test using a larger than block-size key and a larger than block-size data. The key needs to be \
                hashed before being used by the HMAC algorithm.
                """.utf8),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
        ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ]

    @Test(arguments: vectors.indices)
    func `the published vectors come out`(index: Int) {
        let (key, message, code) = Self.vectors[index]
        #expect(Hex.encode(HMACSHA256.authenticationCode(for: message, key: key)) == code)
        // A key that was made ready serves as often as one likes.
        let ready = HMACSHA256Key(key)
        for _ in 0..<3 {
            var copy = HMACSHA256(ready)
            copy.update(message)
            #expect(Hex.encode(copy.finalize()) == code)
        }
    }

    @Test(arguments: vectors.indices)
    func `pieces give the code of the whole`(index: Int) {
        let (key, message, code) = Self.vectors[index]
        for split in 0...message.count {
            var pieces = HMACSHA256(key: key)
            pieces.update(Array(message[..<split]))
            pieces.update("")
            pieces.update(Array(message[split...]))
            #expect(Hex.encode(pieces.finalize()) == code)
        }
    }

    @Test
    func `a string is its UTF-8`() {
        var pieces = HMACSHA256(key: Array("secret".utf8))
        pieces.update("v0:1700000000:")
        pieces.update(Array("текст 😀".utf8))
        let whole = HMACSHA256.authenticationCode(for: Array("v0:1700000000:текст 😀".utf8), key: Array("secret".utf8))
        #expect(pieces.finalize() == whole)
    }

    @Test
    func `a code that was started and dropped leaves the next one right`() {
        for _ in 0..<100 {
            var dropped = HMACSHA256(key: [1, 2, 3])
            dropped.update("never finished")
        }
        let (key, message, code) = Self.vectors[1]
        #expect(Hex.encode(HMACSHA256.authenticationCode(for: message, key: key)) == code)
    }
}
