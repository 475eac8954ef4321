import Crypto
import Testing

struct ConstantTimeTests {
    @Test(arguments: [
        ("", "", true), ("a", "a", true), ("a", "b", false), ("a", "", false), ("", "a", false),
        ("secret", "secret\0", false),
        ("secret", "Secret", false), ("a long secret of many bytes", "a long secret of many bytez", false),
        ("é", "e\u{301}", false),
    ])
    func `secrets are equal when their bytes are`(one: String, other: String, equal: Bool) {
        #expect(constantTimeEquals(one, other) == equal)
        #expect(constantTimeEquals(Array(one.utf8), Array(other.utf8)) == equal)
    }

    @Test
    func `random bytes are as many as asked for and never the same`() {
        #expect(randomBytes(0).isEmpty)
        #expect(randomBytes(1000).count == 1000)
        #expect(Set((0..<100).map { _ in randomBytes(16) }).count == 100)
    }
}
