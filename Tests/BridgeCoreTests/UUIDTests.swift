import BridgeCore
import Testing

@Suite struct UUIDTests {
    @Test func `the text form of RFC 9562 is read and written`() throws {
        // The example of version 7 in RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC.
        let id = try #require(UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"))
        #expect(id.description == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
        #expect(id.high >> 16 == 1_645_557_742_000)
        #expect(UUID(version7At: 1_645_557_742_000, fraction: 0xCC3, random: 0x18C4_DC0C_0C07_398F) == id)
        #expect(id.bytes.count == 16 && id.bytes[0] == 0x01 && id.bytes[15] == 0x8F)
    }

    @Test func `every digit is written and read at every place`() {
        for digit in UInt64(0)..<16 {
            for place in 0..<32 {
                let bits = digit << UInt64(60 - place % 16 * 4)
                let id = UUID(high: place < 16 ? bits : 0, low: place < 16 ? 0 : bits)
                var digits = [Character](repeating: "0", count: 32)
                digits[place] = Character(String(digit, radix: 16))
                for dash in [8, 13, 18, 23] { digits.insert("-", at: dash) }
                #expect(id.description == String(digits))
                #expect(UUID(String(digits)) == id)
                #expect(UUID(String(digits).uppercased()) == id)
            }
        }
    }

    @Test(arguments: ["/", ":", "@", "G", "`", "g", " ", "\0", "-", "\u{7f}", "٣", "é"])
    func `a character that is no digit is refused at every place`(character: Character) {
        for place in 0..<36 where !(character == "-" && [8, 13, 18, 23].contains(place)) {
            var text = Array("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
            text[place] = character
            #expect(UUID(String(text)) == nil)
            // The same number of bytes, where the character has more than one.
            #expect(UUID(String(decoding: String(text).utf8.prefix(36), as: UTF8.self)) == nil)
        }
    }

    @Test(arguments: [
        "", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e279b07cc398c4dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
    ])
    func `other texts are no identifiers`(text: String) {
        #expect(UUID(text) == nil)
    }

    @Test func `every byte in every place is a digit or makes no identifier`() {
        let text = Array("017f22e2-79b0-7cc3-98c4-dc0c0c07398f".utf8)
        for place in text.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[place] = byte
                let isDash = [8, 13, 18, 23].contains(place)
                let value =
                    UnicodeScalar(byte).properties.isASCIIHexDigit ? Character(UnicodeScalar(byte)).hexDigitValue : nil
                let id = changed.withUnsafeBytes { UUID($0) }
                guard !isDash else {
                    #expect((id != nil) == (byte == UInt8(ascii: "-")))
                    continue
                }
                #expect((id != nil) == (value != nil))
                guard let id, let value else { continue }
                let digits = id.description.utf8.map { $0 }
                #expect(Character(UnicodeScalar(digits[place])).hexDigitValue == value)
                #expect(digits.indices.allSatisfy { $0 == place || digits[$0] == text[$0] })
            }
        }
    }

    @Test func `version 8 names the same thing the same way`() {
        let digest = (0..<32).map { UInt8($0 * 7) }
        let id = UUID(version8Of: digest)
        #expect(id == UUID(version8Of: digest))
        #expect(id.high >> 12 & 0xF == 8)
        #expect(id.low >> 62 == 0b10)
    }
}

@Suite struct UUIDGeneratorTests {
    @Test func `an identifier holds the milliseconds of its time`() {
        var generator = UUIDGenerator()
        let id = generator.next(at: Timestamp(microseconds: 1_790_000_000_123_456))
        #expect(id.high >> 16 == 1_790_000_000_123)
        #expect(id.high >> 12 & 0xF == 7)
        #expect(id.low >> 62 == 0b10)
        // 456 of 1000 microseconds, in 4096ths.
        #expect(id.high & 0xFFF == 456 * 4096 / 1000)
    }

    @Test func `each is greater than the one before, also when the clock steps back`() {
        var generator = UUIDGenerator()
        var last = UUID(high: 0, low: 0)
        for step in 0..<20_000 {
            let microseconds = 1_790_000_000_000_000 - Int64(step / 5000) * 1_000_000 + Int64(step % 3)
            let next = generator.next(at: Timestamp(microseconds: microseconds))
            #expect(last < next)
            last = next
        }
    }

    @Test func `two generators do not meet`() {
        var first = UUIDGenerator()
        var second = UUIDGenerator()
        let now = Timestamp(microseconds: 1_790_000_000_000_000)
        let ids = (0..<1000).flatMap { _ in [first.next(at: now), second.next(at: now)] }
        #expect(Set(ids).count == 2000)
    }
}
