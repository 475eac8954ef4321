import HTTPCore
import Testing

@testable import HTTPServer

@Suite struct HTTPResponseSerializerTests {
    @Test(arguments: [
        (HTTPResponseSerializer.Framing.length(0), "Content-Length: 0\r\n"),
        (.length(9), "Content-Length: 9\r\n"),
        (.length(10), "Content-Length: 10\r\n"),
        (.length(1_048_576), "Content-Length: 1048576\r\n"),
        (.chunked, "Transfer-Encoding: chunked\r\n"),
        (.none, ""),
        (.untilClose, ""),
    ])
    func `a head says how the content ends`(framing: HTTPResponseSerializer.Framing, line: String) {
        var output: [UInt8] = []
        HTTPResponseSerializer.appendHead(
            .ok, ["X": "y"], framing: framing, dateLine: Array("Date: d\r\n".utf8), isClosing: false, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "HTTP/1.1 200 OK\r\nDate: d\r\nX: y\r\n\(line)\r\n")
    }

    @Test(arguments: [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (4096, "1000"), (65_535, "ffff")])
    func `a chunk begins with its size in hexadecimal`(count: Int, size: String) {
        var output: [UInt8] = []
        HTTPResponseSerializer.appendChunk([UInt8](repeating: 97, count: count), to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "\(size)\r\n\(String(repeating: "a", count: count))\r\n")
    }

    @Test func `no bytes make no chunk, since it would be the last`() {
        var output: [UInt8] = []
        HTTPResponseSerializer.appendChunk([], to: &output)
        #expect(output.isEmpty)
    }

    @Test func `dates have the form of RFC 9110`() {
        #expect(HTTPDate.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.format(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
    }
}
