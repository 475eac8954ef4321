import Testing

@testable import WebSocket

/// Bytes as a client gets them, and what they mean.
struct WireCase: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let expected: Reading
    var limits = WebSocketLimits()

    init(
        _ name: String, _ bytes: [UInt8], _ events: [WebSocketParser.Event], _ fault: WebSocketFault? = nil,
        limits: WebSocketLimits = WebSocketLimits()
    ) {
        self.name = name
        self.bytes = bytes
        self.limits = limits
        expected = Reading(events, fault)
    }

    var testDescription: String { name }
}

@Suite struct WebSocketParserTests {
    static let small = WebSocketLimits(maxFrameBytes: 1000, maxMessageBytes: 1500)

    static let valid: [WireCase] = [
        WireCase("RFC 6455, 5.7: an unmasked text", hex("81 05 48 65 6c 6c 6f"), [.message(.text("Hello"))]),
        WireCase(
            "RFC 6455, 5.7: a fragmented text", hex("01 03 48 65 6c 80 02 6c 6f"), [.message(.text("Hello"))]),
        WireCase("RFC 6455, 5.7: a ping", hex("89 05 48 65 6c 6c 6f"), [.ping(Array("Hello".utf8))]),
        WireCase(
            "RFC 6455, 5.7: 256 bytes", hex("82 7E 01 00") + [UInt8](repeating: 7, count: 256),
            [.message(.binary([UInt8](repeating: 7, count: 256)))]),
        WireCase(
            "RFC 6455, 5.7: 64 KiB", hex("82 7F 00 00 00 00 00 01 00 00") + [UInt8](repeating: 7, count: 65_536),
            [.message(.binary([UInt8](repeating: 7, count: 65_536)))]),
        WireCase("an empty text", hex("81 00"), [.message(.text(""))]),
        WireCase("an empty binary", hex("82 00"), [.message(.binary([]))]),
        WireCase("an empty pong that nobody asked for", hex("8a 00"), [.pong([])]),
        WireCase(
            "125 bytes in a control frame", frame(.ping, [UInt8](repeating: 1, count: 125)),
            [.ping([UInt8](repeating: 1, count: 125))]),
        WireCase(
            "126 bytes are the first of the longer form", frame(.binary, [UInt8](repeating: 1, count: 126)),
            [.message(.binary([UInt8](repeating: 1, count: 126)))]),
        WireCase(
            "65535 bytes are the last of it", frame(.binary, [UInt8](repeating: 1, count: 65_535)),
            [.message(.binary([UInt8](repeating: 1, count: 65_535)))]),
        WireCase(
            "control frames between fragments",
            hex("01 01 61 89 01 70 00 01 62 8a 00 80 01 63"), [.ping([0x70]), .pong([]), .message(.text("abc"))]),
        WireCase("empty fragments", hex("01 00 00 00 80 00"), [.message(.text(""))]),
        WireCase(
            "two messages in one piece", hex("81 01 61 82 01 62"),
            [.message(.text("a")), .message(.binary([0x62]))]),
        WireCase(
            "a character cut by a fragment's end", hex("01 02 f0 9f 80 02 98 80"), [.message(.text("\u{1F600}"))]),
        WireCase("a close frame without a code", hex("88 00"), [.close(.noStatus, reason: "")]),
        WireCase("a close frame with a code", hex("88 02 03 e8"), [.close(.normal, reason: "")]),
        WireCase(
            "a close frame with a reason", hex("88 05 03 e9 62 79 65"), [.close(.goingAway, reason: "bye")]),
        WireCase("nothing is read behind a close frame", hex("88 02 03 e8 ff ff ff ff"), [.close(.normal, reason: "")]),
        WireCase(
            "a close frame inside a fragmented message", hex("01 01 61 88 02 03 e8"), [.close(.normal, reason: "")]),
        WireCase("the end inside a header", hex("81 7e 01"), []),
        WireCase("the end inside a payload", hex("81 05 48 65"), []),
        WireCase(
            "a frame of the limit", frame(.binary, [UInt8](repeating: 0, count: 1000)),
            [.message(.binary([UInt8](repeating: 0, count: 1000)))], limits: small),
        WireCase(
            "a message of the limit",
            frame(.binary, [UInt8](repeating: 0, count: 1000), isFinal: false)
                + frame(.continuation, [UInt8](repeating: 0, count: 500)),
            [.message(.binary([UInt8](repeating: 0, count: 1500)))], limits: small),
    ]

    static let invalid: [WireCase] = [
        WireCase("reserved bit 1", hex("c1 00"), [], .reservedBits),
        WireCase("reserved bit 2", hex("a1 00"), [], .reservedBits),
        WireCase("reserved bit 3", hex("91 00"), [], .reservedBits),
        WireCase("reserved bits of a continuation", hex("01 01 61 c0 00"), [], .reservedBits),
        WireCase("a mask from a server", hex("81 80 00 00 00 00"), [], .maskForbidden),
        WireCase("a ping of 126 bytes", hex("89 7e 00 7e"), [], .controlTooLong),
        WireCase("a close frame of 64 bits of length", hex("88 7f"), [], .controlTooLong),
        WireCase("a fragmented ping", hex("09 00"), [], .controlFragmented),
        WireCase("a fragmented close frame", hex("08 02 03 e8"), [], .controlFragmented),
        WireCase("125 in sixteen bits", hex("82 7e 00 7d"), [], .lengthNotMinimal),
        WireCase("65535 in 64 bits", hex("82 7f 00 00 00 00 00 00 ff ff"), [], .lengthNotMinimal),
        WireCase("the highest bit of a length", hex("82 7f 80"), [], .lengthTooLarge),
        WireCase("a length of 2^63 - 1", hex("82 7f 7f ff ff ff ff ff ff ff"), [], .frameTooBig),
        WireCase("a continuation of nothing", hex("80 01 61"), [], .continuationUnexpected),
        WireCase(
            "a continuation behind a whole message", hex("81 01 61 80 01 61"), [.message(.text("a"))],
            .continuationUnexpected),
        WireCase("a text inside a text", hex("01 01 61 81 01 61"), [], .continuationExpected),
        WireCase("a binary inside a text", hex("01 01 61 02 01 61"), [], .continuationExpected),
        WireCase("a close frame of one byte", hex("88 01 03"), [], .closeTooShort),
        WireCase("a reason that is not UTF-8", hex("88 04 03 e8 c3 28"), [], .closeReasonNotUTF8),
        WireCase("a reason cut inside a character", hex("88 03 03 e8 c3"), [], .closeReasonNotUTF8),
        WireCase("a frame over the limit", hex("82 7e 03 e9"), [], .frameTooBig, limits: small),
        WireCase(
            "a message over the limit",
            frame(.binary, [UInt8](repeating: 0, count: 1000), isFinal: false) + hex("80 7e 01 f5"), [],
            .messageTooBig, limits: small),
        WireCase("a text that ends inside a character", hex("81 02 f0 9f"), [], .textNotUTF8),
        WireCase("a bad byte is seen before the text ends", hex("81 7e 10 00 61 ff"), [], .textNotUTF8),
        WireCase("a bad byte is seen before the fragment ends", hex("01 01 61 00 7d ff"), [], .textNotUTF8),
    ]

    @Test(arguments: valid + invalid) func `bytes mean the same at every cut`(_ wire: WireCase) {
        let whole = Reading(wire.bytes, as: .client, limits: wire.limits) { _ in wire.bytes.count }
        #expect(whole == wire.expected)
        #expect(Reading(wire.bytes, as: .client, limits: wire.limits) { _ in 1 } == wire.expected)
        // Each byte boundary, for long payloads the first and last hundred.
        for cut in 1..<max(2, wire.bytes.count) where cut < 100 || cut > wire.bytes.count - 100 {
            let reading = Reading(wire.bytes, as: .client, limits: wire.limits) { $0 == 0 ? cut : wire.bytes.count }
            #expect(reading == wire.expected, "cut after \(cut) bytes")
        }
    }

    @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func `reserved opcodes are refused`(_ opcode: UInt8) {
        #expect(Reading([0x80 | opcode, 0], as: .client) { _ in 2 } == Reading([], .reservedOpcode))
    }

    @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
    func `close codes that may be sent are taken`(_ code: Int) {
        let bytes = frame(.close, closePayload(UInt16(code)))
        let closed = WebSocketParser.Event.close(WebSocketCloseCode(rawValue: UInt16(code)), reason: "")
        #expect(Reading(bytes, as: .client) { _ in 1 } == Reading([closed]))
    }

    @Test(arguments: [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
    func `close codes that may not be sent are refused`(_ code: Int) {
        #expect(
            Reading(frame(.close, closePayload(UInt16(code))), as: .client) { _ in 1 }
                == Reading([], .closeCodeInvalid))
    }

    @Test func `a server wants masks and takes them off`() {
        let masked = hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")
        #expect(Reading(masked, as: .server) { _ in 1 } == Reading([.message(.text("Hello"))]))
        #expect(Reading(masked, as: .server) { _ in masked.count } == Reading([.message(.text("Hello"))]))
        #expect(Reading(hex("81 05"), as: .server) { _ in 2 } == Reading([], .maskMissing))
    }

    @Test(arguments: [0, 1, 7, 8, 9, 125, 126, 65_535, 65_536])
    func `what is written masked is read, however it is cut`(_ count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let bytes = frame(.binary, payload, mask: 0xDEAD_BEEF)
        for step in [1, 3, 4, 5, 1000] {
            #expect(Reading(bytes, as: .server) { _ in step } == Reading([.message(.binary(payload))]))
        }
    }

    @Test func `mutated streams end the same however they are cut, and never over a limit`() {
        var generator = SystemRandomNumberGenerator()
        let sources = (WebSocketParserTests.valid + WebSocketParserTests.invalid).map(\.bytes).filter {
            $0.count < 2000
        }
        for _ in 0..<3000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...4) { bytes += sources.randomElement(using: &generator) ?? [] }
            for _ in 0..<Int.random(in: 0...3) where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices)] = UInt8.random(in: 0...255)
            }
            let role: WebSocketRole = Bool.random() ? .client : .server
            let limits = WebSocketLimits(maxFrameBytes: 300, maxMessageBytes: 400)
            let whole = Reading(bytes, as: role, limits: limits) { _ in bytes.count }
            let single = Reading(bytes, as: role, limits: limits) { _ in 1 }
            let pieces = Reading(bytes, as: role, limits: limits) { Int(bytes[$0] & 15) }
            #expect(whole == single, "\(bytes)")
            #expect(whole == pieces, "\(bytes)")
            for case .message(let message) in whole.events { #expect(message.byteCount <= 400) }
        }
    }
}

@Suite struct UTF8CheckerTests {
    static let good: [String] = [
        "", "a", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}", "\u{D7FF}",
        "\u{E000}",
        "κόσμε", "日本語 🎉 and more than eight ASCII bytes",
    ]
    static let bad: [String] = [
        "80", "bf", "c0 80", "c1 bf", "e0 80 80", "e0 9f bf", "ed a0 80", "ed bf bf", "f0 80 80 80", "f0 8f bf bf",
        "f4 90 80 80", "f5 80 80 80", "ff", "fe", "c3 28", "e2 28 a1", "e2 82 28", "f0 28 8c bc",
        "61 61 61 61 61 61 61 61 ff",
    ]

    /// True when a checker takes the bytes in pieces of this size, and to the end of a character.
    private static func takes(_ bytes: [UInt8], by step: Int) -> Bool {
        var checker = UTF8Checker()
        for start in stride(from: 0, to: bytes.count, by: step) {
            let piece = bytes.span.extracting(start..<min(bytes.count, start + step))
            guard checker.accept(piece) else { return false }
        }
        return checker.isComplete
    }

    @Test(arguments: good) func `text is taken, whole and byte by byte`(_ text: String) {
        #expect(UTF8CheckerTests.takes(Array(text.utf8), by: 100))
        #expect(UTF8CheckerTests.takes(Array(text.utf8), by: 1))
    }

    @Test(arguments: bad) func `what is not text is refused`(_ digits: String) {
        #expect(!UTF8CheckerTests.takes(hex(digits), by: 100))
        #expect(!UTF8CheckerTests.takes(hex(digits), by: 1))
    }

    @Test func `it agrees with the standard library on random bytes`() {
        for _ in 0..<20_000 {
            // Mostly bytes that matter: first bytes and continuations.
            let bytes = (0..<Int.random(in: 1...5)).map { _ in
                Bool.random() ? UInt8.random(in: 0x80...0xBF) : UInt8.random(in: 0xC0...0xFF)
            }
            #expect(
                UTF8CheckerTests.takes(bytes, by: 2) == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
        }
    }
}

@Suite struct WebSocketClosingTests {
    @Test func `the peer's close frame is answered with its code`() {
        var closing = WebSocketClosing()
        #expect(closing.receive(.goingAway, reason: "bye") == .sendAndEnd(closePayload(1001)))
        #expect(closing.closure == WebSocketClosure(code: .goingAway, reason: "bye", isClean: true))
        #expect(closing.close(.normal, reason: "") == .nothing)
    }

    @Test func `a close frame without a code is answered without one`() {
        var closing = WebSocketClosing()
        #expect(closing.receive(.noStatus, reason: "") == .sendAndEnd([]))
    }

    @Test func `our close frame waits for the peer's, whose code counts`() {
        var closing = WebSocketClosing()
        #expect(closing.close(.normal, reason: "done") == .send(closePayload(1000, "done")))
        #expect(closing.closure == nil && !closing.isOpen)
        #expect(closing.close(.normal, reason: "again") == .nothing)
        #expect(closing.receive(WebSocketCloseCode(rawValue: 4000), reason: "") == .end)
        #expect(closing.closure?.code.rawValue == 4000)
    }

    @Test func `a fault is told to the peer, once`() {
        var closing = WebSocketClosing()
        #expect(closing.fail(.textNotUTF8) == .sendAndEnd(closePayload(1007, "textNotUTF8")))
        #expect(closing.fail(.reservedBits) == .nothing)
        #expect(closing.closure == WebSocketClosure(code: .invalidData, reason: "", isClean: false))
    }

    @Test func `a lost connection is an abnormal end`() {
        var closing = WebSocketClosing()
        _ = closing.close(.normal, reason: "")
        closing.lose()
        #expect(closing.closure == WebSocketClosure(code: .abnormal, reason: "", isClean: false))
    }

    @Test func `a long reason is cut between characters`() {
        let payload = WebSocketWriter.closePayload(.normal, reason: String(repeating: "é", count: 100))
        #expect(payload == closePayload(1000, String(repeating: "é", count: 61)))
    }
}
