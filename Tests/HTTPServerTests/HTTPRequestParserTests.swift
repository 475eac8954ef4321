import HTTPCore
import Testing

@testable import HTTPServer

@Suite struct HTTPRequestParserTests {
    /// What the codec makes of a connection's bytes: the requests in order and the fault that ended it, if any.
    static func parse(_ wire: String, limits: HTTPLimits = HTTPLimits(), cutAt cuts: [Int] = []) -> Outcome {
        let bytes = Array(wire.utf8)
        var parser = HTTPRequestParser(limits: limits)
        var outcome = Outcome()
        var start = 0
        for end in cuts + [bytes.count] {
            let piece = Array(bytes[start..<end])
            start = end
            var offset = 0
            while offset < piece.count {
                do throws(HTTPRequestFault) {
                    guard let request = try parser.parse(piece.span, from: &offset) else { break }
                    outcome.requests.append(Outcome.Request(request))
                } catch {
                    outcome.fault = error
                    return outcome
                }
            }
        }
        return outcome
    }

    @Test func `a byte that a value may not hold is found wherever it stands, and the others are let through`() {
        for length in 1..<20 {
            for place in 0..<length {
                for byte in ["\u{0}", "\u{1f}", "\u{7f}", "\r", "\t", " ", "!", "~", "é"] {
                    // Between letters, so that white space at the ends is not taken off.
                    var value = Array(repeating: "a", count: length)
                    value[place] = byte
                    let text = "b\(value.joined())b"
                    let outcome = Self.parse("GET / HTTP/1.1\r\nHost: h\r\nX: \(text)\r\n\r\n")
                    if ["\u{0}", "\u{1f}", "\u{7f}", "\r"].contains(byte) {
                        #expect(outcome.fault == .badFieldValue && outcome.requests.isEmpty)
                    } else {
                        #expect(outcome.fault == nil && outcome.requests.first?.headers["X"] == text)
                    }
                }
            }
        }
    }

    @Test func `usual names are what they were, in whatever case`() {
        let names = ["Host", "Accept", "User-Agent", "Connection", "Content-Type", "Keep-Alive-", "Content-Type"]
        let inOtherCase = names.map { $0.lowercased() } + names.map { $0.uppercased() }
        for name in names + inOtherCase + ["Hose", "Content-Tyqe"] {
            let host = name.lowercased() == "host" ? "" : "Host: h\r\n"
            let outcome = Self.parse("GET / HTTP/1.1\r\n\(host)\(name): h\r\n\r\n")
            #expect(outcome.requests.first?.headers.fields.last == HTTPFields.Field(name: name, value: "h"))
        }
    }

    struct Outcome: Equatable {
        struct Request: Equatable {
            var method: String
            var target: String
            var path: String
            var query: String?
            var headers: HTTPFields
            var body: [UInt8]
            var isKeepAlive: Bool

            init(_ request: HTTPRequest) {
                method = request.method.rawValue
                target = request.target
                path = request.path
                query = request.query
                headers = request.headers
                body = request.body
                isKeepAlive = request.isKeepAlive
            }
        }

        var requests: [Request] = []
        var fault: HTTPRequestFault?
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let wire: String
        let fault: HTTPRequestFault
        let status: Int
        var testDescription: String { "\(fault): \(wire.debugDescription.prefix(60))" }

        init(_ wire: String, _ fault: HTTPRequestFault, _ status: Int) {
            self.wire = wire
            self.fault = fault
            self.status = status
        }

        /// A request with these field lines besides Host.
        static func fields(_ lines: String, _ fault: HTTPRequestFault, _ status: Int = 400) -> Refusal {
            Refusal("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n", fault, status)
        }

        /// A request with this chunked content.
        static func chunks(_ content: String, _ fault: HTTPRequestFault, _ status: Int = 400) -> Refusal {
            Refusal("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(content)", fault, status)
        }
    }

    static let refusals: [Refusal] = [
        // The request line.
        Refusal("GET /\r\n", .badRequestLine, 400),
        Refusal("GET  / HTTP/1.1\r\n", .badRequestLine, 400),
        Refusal("GET / HTTP/1.1 \r\n", .badRequestLine, 400),
        Refusal("GET / \r\n", .badRequestLine, 400),
        Refusal(" GET / HTTP/1.1\r\n", .badRequestLine, 400),
        Refusal("G(T / HTTP/1.1\r\n", .badRequestLine, 400),
        Refusal("GET\t/ HTTP/1.1\r\n", .badRequestLine, 400),
        Refusal("GET / http/1.1\r\n", .badRequestLine, 400),
        Refusal("GET / HTTP/11\r\n", .badRequestLine, 400),
        Refusal("\u{16}\u{3}\u{1}", .badRequestLine, 400),
        Refusal("\r\n\r\nGET / HTTP/1.1\r\n", .badRequestLine, 400),
        Refusal("GET /a b HTTP/1.1\r\n", .badRequestLine, 400),
        Refusal("GET /\u{1} HTTP/1.1\r\n", .badTarget, 400),
        Refusal("GET /\u{e9} HTTP/1.1\r\n", .badTarget, 400),
        Refusal("GET /#part HTTP/1.1\r\n", .badTarget, 400),
        Refusal("GET a HTTP/1.1\r\n", .badTarget, 400),
        Refusal("GET ftp://a/ HTTP/1.1\r\n", .badTarget, 400),
        Refusal("GET http:///x HTTP/1.1\r\n", .badTarget, 400),
        Refusal("GET http://user@a/x HTTP/1.1\r\n", .badTarget, 400),
        Refusal("GET * HTTP/1.1\r\n", .badTarget, 400),
        Refusal("CONNECT a:1 HTTP/1.1\r\n", .methodNotSupported, 501),
        Refusal("GET / HTTP/2.0\r\n", .versionNotSupported, 505),
        Refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .versionNotSupported, 505),
        Refusal("GET / HTTP/1.2\r\n", .versionNotSupported, 505),
        Refusal("GET / HTTP/0.9\r\n", .versionNotSupported, 505),
        // Line ends and folding.
        Refusal("GET / HTTP/1.1\n", .bareLineFeed, 400),
        Refusal("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed, 400),
        Refusal("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed, 400),
        .fields("X: a\r\n b", .foldedField),
        .fields("X: a\r\n\tb", .foldedField),
        Refusal("GET / HTTP/1.1\r\n Host: a\r\n", .foldedField, 400),
        // Control bytes.
        .fields("X: a\u{0}b", .badFieldValue),
        .fields("X: a\rb", .badFieldValue),
        .fields("X: a\u{7f}", .badFieldValue),
        .fields("X: \u{1b}[1m", .badFieldValue),
        .fields("X\u{0}: a", .badFieldName),
        // Field names.
        .fields("X : a", .badFieldName),
        .fields(": a", .badFieldName),
        .fields("X", .badFieldName),
        .fields("X y: a", .badFieldName),
        .fields("X(: a", .badFieldName),
        .fields("Content-Length : 3", .badFieldName),
        .fields("\u{e9}: a", .badFieldName),
        // Host.
        Refusal("GET / HTTP/1.1\r\n\r\n", .missingHost, 400),
        Refusal("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost, 400),
        .fields("Host: a", .repeatedHost),
        .fields("hOST: b", .repeatedHost),
        Refusal("GET / HTTP/1.1\r\nHost: a, b\r\n", .badHost, 400),
        Refusal("GET / HTTP/1.1\r\nHost: a/b\r\n", .badHost, 400),
        Refusal("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n", .repeatedHost, 400),
        // Content-Length.
        .fields("Content-Length: 3\r\nContent-Length: 3", .repeatedContentLength),
        .fields("Content-Length: 3\r\ncontent-length: 4", .repeatedContentLength),
        .fields("Content-Length: 3, 3", .badContentLength),
        .fields("Content-Length: +12", .badContentLength),
        .fields("Content-Length: -1", .badContentLength),
        .fields("Content-Length: 0x10", .badContentLength),
        .fields("Content-Length: 1 2", .badContentLength),
        .fields("Content-Length: 1.0", .badContentLength),
        .fields("Content-Length:", .badContentLength),
        .fields("Content-Length: 1048577", .contentTooLarge, 413),
        .fields("Content-Length: 9223372036854775808", .contentTooLarge, 413),
        .fields("Content-Length: 18446744073709551617", .contentTooLarge, 413),
        .fields("Content-Length: \(String(repeating: "9", count: 400))", .contentTooLarge, 413),
        // Transfer-Encoding.
        .fields("Content-Length: 3\r\nTransfer-Encoding: chunked", .lengthWithTransferCoding),
        .fields("Transfer-Encoding: chunked\r\nContent-Length: 0", .lengthWithTransferCoding),
        .fields("Transfer-Encoding: gzip, chunked", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding: chunked, chunked", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding: chunked, identity", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding: xchunked", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding: chunked;q=1", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding: \"chunked\"", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding: identity", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding:", .transferCodingNotSupported, 501),
        .fields("Transfer-Encoding: \u{b}chunked", .badFieldValue),
        .fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .repeatedTransferCoding),
        .fields("Transfer-Encoding : chunked", .badFieldName),
        Refusal("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferCodingInOldVersion, 400),
        // Expectations.
        .fields("Expect: 200-maybe", .expectationFailed, 417),
        // Chunks.
        .chunks("0x3\r\n", .badChunkSize),
        .chunks("+3\r\n", .badChunkSize),
        .chunks("-1\r\n", .badChunkSize),
        .chunks(" 3\r\n", .badChunkSize),
        .chunks("3 \r\n", .badChunkSize),
        .chunks("3 ;a\r\n", .badChunkSize),
        .chunks("g\r\n", .badChunkSize),
        .chunks("\r\n", .badChunkSize),
        .chunks(";a\r\n", .badChunkSize),
        .chunks("00000000000000003\r\n", .badChunkSize),
        .chunks("3;a=\u{0}\r\n", .badChunkSize),
        .chunks("3\nabc", .bareLineFeed),
        .chunks("3\r\nabcd\r\n", .badChunkEnd),
        .chunks("3\r\nabcde", .badChunkEnd),
        .chunks("3\r\nabc\n", .bareLineFeed),
        .chunks("100001\r\n", .contentTooLarge, 413),
        .chunks("ffffffffffffffff\r\n", .contentTooLarge, 413),
        .chunks("7fffffffffffffff\r\n", .contentTooLarge, 413),
        .chunks("fffff\r\n\(String(repeating: "a", count: 0xFFFFF))\r\n2\r\n", .contentTooLarge, 413),
        .chunks("3;\(String(repeating: "e", count: 1100))\r\n", .chunkExtensionsTooLong),
        .chunks(
            String(repeating: "1;\(String(repeating: "e", count: 99))\r\nx\r\n", count: 11), .chunkExtensionsTooLong),
        .chunks("0\r\nX : a\r\n", .badFieldName),
        .chunks("0\r\nX: a\r\n b\r\n", .foldedField),
        .chunks("0\r\nX: a\n", .bareLineFeed),
        .chunks("0\r\n\(String(repeating: "X: a\r\n", count: 101))", .tooManyHeaders, 431),
        .chunks("0\r\nX: \(String(repeating: "a", count: 16_400))\r\n", .headersTooLarge, 431),
        // Limits.
        Refusal("GET /\(String(repeating: "a", count: 8192)) HTTP/1.1\r\n", .targetTooLong, 414),
        Refusal("GET /\(String(repeating: "a", count: 9000))", .targetTooLong, 414),
        Refusal(String(repeating: "A", count: 9000), .targetTooLong, 414),
        .fields(String(repeating: "X: a\r\n", count: 100) + "Y: b", .tooManyHeaders, 431),
        .fields("X: \(String(repeating: "a", count: 16_384))", .headersTooLarge, 431),
        .fields(String(repeating: "X: \(String(repeating: "a", count: 1000))\r\n", count: 17), .headersTooLarge, 431),
    ]

    @Test(arguments: refusals)
    func `what is not exactly HTTP is refused with a status that says why`(refusal: Refusal) {
        let outcome = HTTPRequestParserTests.parse(refusal.wire)
        #expect(outcome.requests.isEmpty)
        #expect(outcome.fault == refusal.fault)
        #expect(refusal.fault.status.code == refusal.status)
    }

    @Test(arguments: refusals)
    func `a refusal does not depend on how the bytes are cut`(refusal: Refusal) {
        let whole = HTTPRequestParserTests.parse(refusal.wire)
        let count = refusal.wire.utf8.count
        // Of the long ones, the cuts near both ends and some in between.
        let cuts =
            count < 400
            ? Array(0...count)
            : Array(0...100) + stride(from: 101, to: count - 100, by: count / 50)
                + Array((count - 100)...count)
        for cut in cuts {
            #expect(HTTPRequestParserTests.parse(refusal.wire, cutAt: [cut]) == whole, "cut at \(cut)")
        }
        if count < 20_000 {
            #expect(HTTPRequestParserTests.parse(refusal.wire, cutAt: Array(0..<count)) == whole, "byte by byte")
        }
    }

    static let wholes: [(wire: String, count: Int)] = [
        (
            "POST /webhooks/telegram?x=1 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 11\r\nX-A: b\r\n\r\nhello\r\n\r\n!!",
            1
        ),
        (
            "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n006;ext=\"v\"\r\n world\r\n"
                + "0\r\nX-Checksum: 1\r\nContent-Length: 99\r\n\r\n",
            1
        ),
        (
            "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
            2
        ),
        ("GET http://example.org:8080/p?q HTTP/1.1\r\nHost: other\r\n\r\n", 1),
        ("\r\nGET / HTTP/1.0\r\n\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n", 2),
        ("OPTIONS * HTTP/1.1\r\nHost: [::1]:3000\r\nEmpty:\r\nBlank:  \t \r\nInner:\ta b \r\nHigh: \u{e9}\r\n\r\n", 1),
    ]

    @Test(arguments: wholes)
    func `a request comes out the same from every split of its bytes`(wire: String, count: Int) {
        let whole = HTTPRequestParserTests.parse(wire)
        #expect(whole.fault == nil)
        #expect(whole.requests.count == count)
        let length = wire.utf8.count
        for first in 0...length {
            for second in first...length {
                let outcome = HTTPRequestParserTests.parse(wire, cutAt: [first, second])
                if outcome != whole { Issue.record("cut at \(first) and \(second): \(outcome)") }
            }
        }
        #expect(HTTPRequestParserTests.parse(wire, cutAt: Array(0..<length)) == whole)
    }

    @Test func `content and framing come out as they were meant`() throws {
        let plain = try #require(HTTPRequestParserTests.parse(HTTPRequestParserTests.wholes[0].wire).requests.first)
        #expect(plain.method == "POST")
        #expect(plain.path == "/webhooks/telegram")
        #expect(plain.query == "x=1")
        #expect(plain.body == Array("hello\r\n\r\n!!".utf8))
        #expect(plain.headers["x-a"] == "b")
        let chunked = try #require(HTTPRequestParserTests.parse(HTTPRequestParserTests.wholes[1].wire).requests.first)
        #expect(chunked.body == Array("hello world".utf8))
        #expect(chunked.headers["X-Checksum"] == nil, "trailers are dropped")
        let pair = HTTPRequestParserTests.parse(HTTPRequestParserTests.wholes[2].wire).requests
        #expect(pair.map(\.target) == ["/1", "/2"])
        #expect(pair.map(\.isKeepAlive) == [true, false])
        let absolute = try #require(HTTPRequestParserTests.parse(HTTPRequestParserTests.wholes[3].wire).requests.first)
        #expect(absolute.path == "/p")
        #expect(absolute.query == "q")
        #expect(absolute.headers.values(of: "host") == ["example.org:8080"], "the target's authority wins")
        let old = HTTPRequestParserTests.parse(HTTPRequestParserTests.wholes[4].wire).requests
        #expect(old.map(\.isKeepAlive) == [false, true])
        let asterisk = try #require(HTTPRequestParserTests.parse(HTTPRequestParserTests.wholes[5].wire).requests.first)
        #expect(asterisk.target == "*")
        #expect(asterisk.headers["Empty"] == "")
        #expect(asterisk.headers["Blank"] == "")
        #expect(asterisk.headers["Inner"] == "a b")
    }

    @Test func `limits admit what lies exactly on them`() {
        var limits = HTTPLimits()
        limits.maxTargetBytes = 10
        limits.maxHeaderCount = 2
        limits.maxHeaderBytes = 30
        limits.maxBodyBytes = 4
        let good = "POST /234567890 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
        #expect(HTTPRequestParserTests.parse(good, limits: limits).requests.count == 1)
        limits.maxHeaderBytes = 27
        #expect(HTTPRequestParserTests.parse(good, limits: limits).fault == .headersTooLarge)
        limits.maxHeaderBytes = 30
        limits.maxTargetBytes = 9
        #expect(HTTPRequestParserTests.parse(good, limits: limits).fault == .targetTooLong)
        limits.maxTargetBytes = 10
        limits.maxBodyBytes = 3
        #expect(HTTPRequestParserTests.parse(good, limits: limits).fault == .contentTooLarge)
    }

    @Test(arguments: [
        ("/a%2Fb/c%20d", ["a/b", "c d"]), ("/", [""]), ("/x/", ["x", ""]), ("/%zz", ["%zz"]),
    ])
    func `path segments are decoded after they are told apart`(path: String, segments: [String]) {
        #expect(HTTPRequest(target: path).pathSegments == segments)
    }

    @Test func `a query is decoded as a form`() {
        let request = HTTPRequest(target: "/p?a=1+2&b=%26&a=3&c")
        #expect(request.queryValue("a") == "1 2")
        #expect(request.queryValue("b") == "&")
        #expect(request.queryValue("c") == "")
        #expect(request.queryValue("d") == nil)
        #expect(HTTPRequest(target: "/p").query == nil)
    }
}
