import Crypto
import Testing

struct AES256CBCTests {
    /// NIST SP 800-38A, section F.2.5; the third block is the padding's.
    static let key = Hex.decode("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4") ?? []
    static let iv = Hex.decode("000102030405060708090a0b0c0d0e0f") ?? []
    static let plaintext = Hex.decode("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51") ?? []
    static let ciphertext =
        Hex.decode(
            "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d3a3aa5e0213db1a9901f9036cf5102d2") ?? []

    @Test func `the published text is written and read`() {
        #expect(AES256CBC.encrypt(Self.plaintext, key: Self.key, iv: Self.iv) == Self.ciphertext)
        #expect(AES256CBC.decrypt(Self.ciphertext, key: Self.key, iv: Self.iv) == Self.plaintext)
    }

    @Test(arguments: 0...33)
    func `texts of any length come back`(count: Int) throws {
        let text = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let sealed = try #require(AES256CBC.encrypt(text, key: Self.key, iv: Self.iv))
        #expect(sealed.count == (count / 16 + 1) * 16)
        #expect(AES256CBC.decrypt(sealed, key: Self.key, iv: Self.iv) == text)
    }

    @Test func `damaged texts and wrong sizes are refused alike`() {
        var padding = Self.ciphertext
        padding[padding.count - 17] ^= 1  // the last byte of the padding becomes 0x11
        #expect(AES256CBC.decrypt(padding, key: Self.key, iv: Self.iv) == nil)
        #expect(AES256CBC.decrypt(Self.ciphertext, key: [UInt8](repeating: 1, count: 32), iv: Self.iv) == nil)
        #expect(AES256CBC.decrypt(Array(Self.ciphertext.dropLast()), key: Self.key, iv: Self.iv) == nil)
        #expect(AES256CBC.decrypt([], key: Self.key, iv: Self.iv) == nil)
        #expect(AES256CBC.decrypt(Self.ciphertext, key: Array(Self.key.dropLast()), iv: Self.iv) == nil)
        #expect(AES256CBC.decrypt(Self.ciphertext, key: Self.key, iv: Array(Self.iv.dropLast())) == nil)
        #expect(AES256CBC.encrypt(Self.plaintext, key: [], iv: Self.iv) == nil)
    }
}
