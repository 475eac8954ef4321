import HTTPCore
import HTTPServer
import Testing

@testable import WebSocket

@Suite struct WebSocketHandshakeTests {
    static let key = "dGhlIHNhbXBsZSBub25jZQ=="
    static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    @Test func `the answer to RFC 6455's key is RFC 6455's`() {
        #expect(WebSocketHandshake.accept(WebSocketHandshakeTests.key) == WebSocketHandshakeTests.accept)
    }

    @Test func `keys are 16 bytes and differ`() {
        let keys = (0..<100).map { _ in WebSocketHandshake.makeKey() }
        #expect(Set(keys).count == 100)
        #expect(keys.allSatisfy { $0.utf8.count == 24 })
    }

    // MARK: The client's side

    @Test(arguments: [
        ("ws://host", false, "host", "/"), ("wss://host:8443/a/b?c=d", true, "host:8443", "/a/b?c=d"),
        ("wss://host?v=10&encoding=json", true, "host", "/?v=10&encoding=json"), ("WSS://Host/", true, "Host", "/"),
        ("https://[::1]:1/x", true, "[::1]:1", "/x"), ("http://host/?a@b", false, "host", "/?a@b"),
    ])
    func `URLs are taken apart`(_ text: String, _ isEncrypted: Bool, _ authority: String, _ target: String) {
        let url = WebSocketURL(text)
        #expect(url?.isEncrypted == isEncrypted)
        #expect(url?.authority == authority)
        #expect(url?.target == target)
    }

    @Test(arguments: [
        "", "host", "ftp://host", "ws:/host", "ws://", "ws:///path", "ws://user@host/", "ws://host/#part",
        "ws://ho st/",
        "ws://host/\r\nX: y", "ws://höst/",
    ])
    func `other URLs are refused`(_ text: String) {
        #expect(WebSocketURL(text) == nil)
    }

    @Test func `a request holds the fields of RFC 6455 and the caller's`() throws {
        let url = try #require(WebSocketURL("ws://host:1/path?x=y"))
        let bytes = WebSocketHandshake.request(
            url, key: "KEY", headers: ["Authorization": "Bearer t", "Host": "evil", "sec-websocket-key": "evil"],
            subprotocols: ["a", "b"])
        #expect(
            bytes.map { String(decoding: $0, as: UTF8.self) } == "GET /path?x=y HTTP/1.1\r\nHost: host:1\r\n"
                + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Protocol: a, b\r\nAuthorization: Bearer t\r\n\r\n")
    }

    @Test(arguments: [("A: b", "c"), ("A", "b\r\nC: d"), ("", "x"), ("A", "b\u{0}")])
    func `a field that would change the request is refused`(_ name: String, _ value: String) throws {
        let url = try #require(WebSocketURL("ws://host"))
        let headers = HTTPFields([.init(name: name, value: value)])
        #expect(WebSocketHandshake.request(url, key: "k", headers: headers, subprotocols: []) == nil)
        #expect(WebSocketHandshake.request(url, key: "k", headers: [:], subprotocols: ["a b"]) == nil)
    }

    static let good: HTTPFields = [
        "upgrade": "WebSocket", "connection": "keep-alive, Upgrade", "sec-websocket-accept": accept,
    ]

    @Test func `a right answer is taken`() throws {
        let fields = WebSocketHandshakeTests.good
        #expect(try WebSocketHandshake.check(fields, key: WebSocketHandshakeTests.key, subprotocols: []) == nil)
        var chosen = fields
        chosen["Sec-WebSocket-Protocol"] = "b"
        #expect(
            try WebSocketHandshake.check(chosen, key: WebSocketHandshakeTests.key, subprotocols: ["a", "b"]) == "b")
    }

    @Test(arguments: [
        ("Upgrade", nil), ("Upgrade", "h2c"), ("Connection", nil), ("Connection", "close"),
        ("Sec-WebSocket-Accept", nil), ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="),
        ("Sec-WebSocket-Extensions", "permessage-deflate"), ("Sec-WebSocket-Protocol", "c"),
    ])
    func `a wrong answer is refused`(_ name: String, _ value: String?) {
        var fields = WebSocketHandshakeTests.good
        fields[name] = value
        let error = #expect(throws: WebSocketError.self) {
            try WebSocketHandshake.check(fields, key: WebSocketHandshakeTests.key, subprotocols: ["a"])
        }
        #expect(error?.code == .badHandshake)
    }

    @Test func `an answer is read however it is cut, and what follows is kept`() throws {
        let text = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101\r\nA:b\r\nC:  d e \r\n\r\nrest"
        let bytes = Array(text.utf8)
        for cut in 1..<(bytes.count - 4) {
            var answer = WebSocketAnswer()
            var head = try answer.take(bytes[..<cut])
            #expect(head == nil)
            head = try answer.take(bytes[cut...])
            #expect(head == WebSocketAnswer.Head(status: HTTPStatus(101), fields: ["A": "b", "C": "d e"]))
            #expect(answer.rest == Array("rest".utf8))
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH", "HTTP/2", "HTTP/1.0 101 Old\r\n\r\n", "HTTP/1.1 1x1 No\r\n\r\n", "HTTP/1.1 101 A\n\n",
        "HTTP/1.1 101 A\r\nno colon\r\n\r\n", "HTTP/1.1 101 A\r\nA : b\r\n\r\n", "HTTP/1.1 101 A\r\nA: b\u{0}\r\n\r\n",
        "HTTP/1.1 1011\r\n\r\n", "HTTP/1.1 999 X\r\n\r\n",
    ])
    func `what is no answer of HTTP is refused`(_ text: String) {
        let error = #expect(throws: WebSocketError.self) {
            var answer = WebSocketAnswer()
            _ = try answer.take(text.utf8)
        }
        #expect(error?.code == .badHandshake)
    }

    // MARK: The server's side

    static let request: HTTPFields = [
        "Host": "h", "Upgrade": "websocket", "Connection": "keep-alive, upgrade", "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    ]

    @Test func `a right request is taken`() throws {
        let request = HTTPRequest(target: "/", headers: WebSocketHandshakeTests.request)
        #expect(try WebSocketRefusal.check(request) == WebSocketHandshakeTests.key)
    }

    @Test(
        arguments: [
            ("Upgrade", nil, .noUpgrade), ("Upgrade", "websockets", .noUpgrade),
            ("Connection", "keep-alive", .noUpgrade),
            ("Sec-WebSocket-Version", nil, .version), ("Sec-WebSocket-Version", "8", .version),
            ("Sec-WebSocket-Key", nil, .key), ("Sec-WebSocket-Key", "", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR==", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE=", .key),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBs!SBub25jZQ==", .key),
        ] as [(String, String?, WebSocketRefusal)])
    func `a wrong request is refused`(_ name: String, _ value: String?, _ refusal: WebSocketRefusal) {
        var fields = WebSocketHandshakeTests.request
        fields[name] = value
        #expect(throws: refusal) { try WebSocketRefusal.check(HTTPRequest(target: "/", headers: fields)) }
    }

    @Test func `a refusal of the version names ours`() {
        #expect(WebSocketRefusal.version.response.status.code == 426)
        #expect(WebSocketRefusal.version.response.headers["Sec-WebSocket-Version"] == "13")
        #expect(throws: WebSocketRefusal.notGet) {
            try WebSocketRefusal.check(
                HTTPRequest(method: .post, target: "/", headers: WebSocketHandshakeTests.request))
        }
    }
}
