internal import HTTPCore

/// A request's head as it is gathered line by line, with what its fields say of framing.
struct HTTPRequestHead {
    private(set) var method = HTTPMethod.get
    private(set) var target = ""
    private(set) var minorVersion = 1
    private(set) var fields = HTTPFields()
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var isClosing = false
    private(set) var expectsContinue = false
    private var hasHost = false
    private var hasTransferCoding = false
    /// The authority of a target in absolute form, which takes the place of Host (RFC 9112, section 3.2.2).
    private var authority: String?

    // MARK: Request line

    /// Reads `METHOD SP TARGET SP VERSION`, without any other white space (RFC 9112, section 3).
    mutating func setRequestLine(_ line: Span<UInt8>, maxTargetBytes: Int) throws(HTTPRequestFault) {
        var methodEnd = 0
        while methodEnd < line.count, line[methodEnd].isTokenByte { methodEnd += 1 }
        guard methodEnd > 0, methodEnd < line.count, line[methodEnd] == .space else { throw .badRequestLine }
        var targetEnd = methodEnd + 1
        // A target is visible ASCII (RFC 3986, section 2); `#` begins a fragment, which never is sent.
        while targetEnd < line.count, (0x21...0x7E).contains(line[targetEnd]), line[targetEnd] != UInt8(ascii: "#") {
            targetEnd += 1
        }
        guard targetEnd > methodEnd + 1, targetEnd < line.count else { throw .badRequestLine }
        guard line[targetEnd] == .space else { throw .badTarget }
        try setVersion(line.extracting((targetEnd + 1)..<line.count))
        method = HTTPRequestHead.method(line.extracting(0..<methodEnd))
        if targetEnd - methodEnd - 1 > maxTargetBytes { throw .targetTooLong }
        try setTarget(line.extracting((methodEnd + 1)..<targetEnd))
    }

    private mutating func setVersion(_ version: Span<UInt8>) throws(HTTPRequestFault) {
        guard version.count == 8, version.hasPrefix("HTTP/"), version[5].isDigit, version[6] == UInt8(ascii: "."),
            version[7].isDigit
        else { throw .badRequestLine }
        guard version[5] == UInt8(ascii: "1"), version[7] <= UInt8(ascii: "1") else { throw .versionNotSupported }
        minorVersion = Int(version[7] - UInt8(ascii: "0"))
    }

    private static func method(_ token: Span<UInt8>) -> HTTPMethod {
        if token.count == 3, token.hasPrefix("GET") { return .get }
        if token.count == 4, token.hasPrefix("POST") { return .post }
        return HTTPMethod(token.text)
    }

    private mutating func setTarget(_ bytes: Span<UInt8>) throws(HTTPRequestFault) {
        // A tunnel is the only use of CONNECT, and we are not a proxy.
        if method.rawValue == "CONNECT" { throw .methodNotSupported }
        target = bytes.text
        if bytes[0] == UInt8(ascii: "/") { return }
        if bytes.count == 1, bytes[0] == UInt8(ascii: "*") {
            guard method == .options else { throw .badTarget }
            return
        }
        let start = bytes.hasPrefixIgnoringCase("http://") ? 7 : bytes.hasPrefixIgnoringCase("https://") ? 8 : 0
        guard start > 0 else { throw .badTarget }
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end += 1 }
        let host = bytes.extracting(start..<end)
        guard end > start, HTTPRequestHead.isValidHost(host) else { throw .badTarget }
        authority = host.text
    }

    // MARK: Fields

    /// Adds one field line and notes what it says of framing.
    mutating func addField(_ line: Span<UInt8>) throws(HTTPRequestFault) {
        let (nameEnd, value) = try HTTPRequestHead.splitField(line)
        let name = line.extracting(0..<nameEnd)
        let content = line.extracting(value)
        switch nameEnd {
        case 4 where name.equalsIgnoringCase("host"):
            if hasHost { throw .repeatedHost }
            guard HTTPRequestHead.isValidHost(content) else { throw .badHost }
            hasHost = true
        case 6 where name.equalsIgnoringCase("expect"):
            guard content.equalsIgnoringCase("100-continue") else { throw .expectationFailed }
            expectsContinue = true
        case 10 where name.equalsIgnoringCase("connection"):
            if content.hasListItem("close") { isClosing = true }
        case 14 where name.equalsIgnoringCase("content-length"):
            if contentLength != nil { throw .repeatedContentLength }
            contentLength = try HTTPRequestHead.length(content)
        case 17 where name.equalsIgnoringCase("transfer-encoding"):
            if hasTransferCoding { throw .repeatedTransferCoding }
            hasTransferCoding = true
            // Coding names are compared without case (RFC 9112, section 7); nothing else about them is tolerated.
            guard content.equalsIgnoringCase("chunked") else { throw .transferCodingNotSupported }
            isChunked = true
        default:
            break
        }
        if fields.fields.isEmpty { fields.fields.reserveCapacity(12) }
        fields.append(HTTPUsualFieldName.string(name) ?? name.text, content.text)
    }

    /// Checks a field line's shape (RFC 9112, section 5): a token, a colon right after it, a value without controls.
    ///
    /// - Returns: where the name ends, and where the value lies without the white space around it.
    static func splitField(_ line: Span<UInt8>) throws(HTTPRequestFault) -> (nameEnd: Int, value: Range<Int>) {
        var nameEnd = 0
        while nameEnd < line.count, line[nameEnd].isTokenByte { nameEnd += 1 }
        guard nameEnd > 0, nameEnd < line.count, line[nameEnd] == UInt8(ascii: ":") else {
            throw line[0].isBlank ? .foldedField : .badFieldName
        }
        var start = nameEnd + 1
        while start < line.count, line[start].isBlank { start += 1 }
        var end = line.count
        guard start + line.extracting(start..<end).endOfFieldValue() == end else { throw .badFieldValue }
        while end > start, line[end - 1].isBlank { end -= 1 }
        return (nameEnd, start..<end)
    }

    /// Digits alone; what no `Int` holds is as good as the largest, which every limit refuses.
    private static func length(_ value: Span<UInt8>) throws(HTTPRequestFault) -> Int {
        guard value.count > 0 else { throw .badContentLength }
        var length = 0
        for index in 0..<value.count {
            guard value[index].isDigit else { throw .badContentLength }
            let (tens, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(value[index] - UInt8(ascii: "0")))
            length = overflow || carry ? Int.max : sum
            // Once at the largest it stays there: multiplying overflows again.
        }
        return length
    }

    /// The characters of `uri-host [":" port]` (RFC 3986, section 3.2.2); an empty Host is allowed (RFC 9110, section 7.2).
    private static func isValidHost(_ value: Span<UInt8>) -> Bool {
        for index in 0..<value.count {
            let byte = value[index]
            guard
                byte.isTokenByte || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]")
            else { return false }
        }
        return true
    }

    // MARK: The whole

    /// What can be told only once all fields are there.
    mutating func check() throws(HTTPRequestFault) {
        if hasTransferCoding {
            if contentLength != nil { throw .lengthWithTransferCoding }
            if minorVersion == 0 { throw .transferCodingInOldVersion }
        }
        if minorVersion == 1 {
            guard hasHost else { throw .missingHost }
        } else {
            // HTTP/1.0 has no interim responses (RFC 9110, section 10.1.1).
            expectsContinue = false
        }
        if let authority { fields["Host"] = authority }
    }
}
