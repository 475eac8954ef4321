import HTTPCore

@testable import HTTPServer

/// Everything that a run of the codec came to, as bytes, for comparison.
private func outcome(_ bytes: [UInt8], limits: HTTPLimits, pieceAfter: (Int) -> Int) -> [UInt8] {
    var parser = HTTPRequestParser(limits: limits)
    var result: [UInt8] = []
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + max(1, pieceAfter(start)))
        // A copy of its own, so that the address sanitizer sees a step over either end.
        let piece = Array(bytes[start..<end])
        start = end
        var offset = 0
        while offset < piece.count {
            let before = offset
            do throws(HTTPRequestFault) {
                let request = try parser.parse(piece.span, from: &offset)
                _ = parser.takeContinue()
                guard let request else {
                    promise(offset == piece.count, "the parser wants more although it has not used what it has")
                    break
                }
                promise(offset > before, "a request of no bytes")
                promise(request.body.count <= limits.maxBodyBytes, "the content is over the limit")
                // A target in absolute form stands in for a Host that HTTP/1.0 may leave out: one field more than were sent.
                promise(request.headers.fields.count <= limits.maxHeaderCount + 1, "more fields than the limit")
                promise(
                    request.path.utf8.first == UInt8(ascii: "/") || request.path == "*", "a path without a root")
                add(request, to: &result)
            } catch {
                result += Array("fault \(error)".utf8)
                return result
            }
        }
    }
    result += Array("phase \(parser.phase)".utf8)
    return result
}

private func add(_ request: HTTPRequest, to result: inout [UInt8]) {
    result += Array("\(request.method) \(request.target) \(request.isKeepAlive) \(request.minorVersion)\n".utf8)
    for field in request.headers.fields {
        promise(!field.name.isEmpty && field.name.utf8.allSatisfy(\.isTokenByte), "a field name that is no token")
        promise(field.value.utf8.allSatisfy(\.isFieldValueByte), "a control character in a field value")
        result += Array("\(field.name): \(field.value)\n".utf8)
    }
    result += Array("\(request.pathSegments) \(request.queryItems)\n".utf8)
    result += request.body
}

/// Feeds the input whole, byte by byte, and in pieces whose sizes come from the input itself: all must agree.
func fuzzHTTPCodec(_ bytes: [UInt8]) {
    var limits = HTTPLimits()
    // Limits within reach of short inputs, so that both of their sides are met.
    limits.maxTargetBytes = 64
    limits.maxHeaderBytes = 256
    limits.maxHeaderCount = 8
    limits.maxBodyBytes = 128
    limits.maxChunkExtensionBytes = 16
    let whole = outcome(bytes, limits: limits) { _ in bytes.count }
    let single = outcome(bytes, limits: limits) { _ in 1 }
    promise(whole == single, "byte by byte: another outcome than whole")
    let pieces = outcome(bytes, limits: limits) { Int(bytes[$0] & 31) + 1 }
    promise(whole == pieces, "in pieces: another outcome than whole")
    // With the real limits too, whose buffers are larger.
    let real = HTTPLimits()
    promise(
        outcome(bytes, limits: real) { _ in bytes.count } == outcome(bytes, limits: real) { Int(bytes[$0]) + 1 },
        "with the default limits: in pieces another outcome than whole")
}
