import Crypto
import Testing

struct HMACSHA1Tests {
    /// RFC 2202, section 3, cases 1, 2, 3 and 6; the last is of nothing with no key.
    static let vectors: [(key: [UInt8], message: [UInt8], code: String)] = [
        (
            [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8), "b617318655057264e28bc0b6fb378c8ef146be00"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        ),
        (
            [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
            "125d7342b9ac11cd91a39af48aa17b4f63f175d3"
        ),
        (
            [UInt8](repeating: 0xaa, count: 80),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112"
        ),
        ([], [], "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d"),
    ]

    @Test(arguments: vectors.indices)
    func `the published vectors come out`(index: Int) {
        let (key, message, code) = Self.vectors[index]
        #expect(Hex.encode(HMACSHA1.authenticationCode(for: message, key: key)) == code)
    }
}
