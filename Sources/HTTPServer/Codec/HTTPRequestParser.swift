internal import HTTPCore

/// The server's half of HTTP/1.1 (RFC 9112) as a state machine: bytes in, whole requests or one fault out.
///
/// It takes any split of its input and comes to the same end. Only a line that is not complete yet is kept; all else is read
/// where it lies. After a fault the stream has no known framing any more: close the connection.
package struct HTTPRequestParser {
    /// Which deadline applies to what is awaited.
    enum Phase {
        /// Nothing of the next request has come.
        case idle
        /// A head has begun.
        case head
        /// The head is complete, the content is not.
        case body
    }

    private enum State {
        case requestLine
        case fields
        case body(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailers
    }

    /// Longest method and version around a target, with their spaces.
    private static let requestLineOverhead = 64
    /// What is set aside for content before any of it has come: a claimed length alone costs no memory.
    private static let maxReservedBody = 16_384

    private let limits: HTTPLimits
    private var state = State.requestLine
    private var partial: [UInt8] = []
    private var hasSkippedEmptyLine = false
    private var head = HTTPRequestHead()
    private var body: [UInt8] = []
    private var sectionBytes = 0
    private var sectionCount = 0
    private var extensionBytes = 0

    /// True once a head asked for `100 Continue` and until ``takeContinue()``.
    private var wantsContinue = false

    /// A parser for the start of a connection.
    package init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// What the parser waits for.
    var phase: Phase {
        switch state {
        case .requestLine: partial.isEmpty ? .idle : .head
        case .fields: .head
        default: .body
        }
    }

    /// How much of the content has come.
    var bodyCount: Int { body.count }

    /// Memory that an unfinished request takes, in bytes: its lines, and of its content what has come with the room that grew
    /// for it.
    var heldBytes: Int {
        let content = min(body.capacity, max(2 * body.count, 1024))
        return phase == .idle ? 0 : partial.capacity + content + 2 * sectionBytes
    }

    /// True once for a request that waits for `100 Continue` and of whose content nothing has come (RFC 9110, 10.1.1).
    mutating func takeContinue() -> Bool {
        defer { wantsContinue = false }
        return wantsContinue && phase == .body
    }

    /// Reads on from `offset`, which it moves past what it has used, to the end of one request or of the input.
    ///
    /// - Returns: a request when one is complete; nil when all input is used and more is needed.
    /// - Throws: what is wrong with the request.
    package mutating func parse(_ input: Span<UInt8>, from offset: inout Int) throws(HTTPRequestFault) -> HTTPRequest? {
        while offset < input.count {
            let isComplete: Bool
            switch state {
            case .body(let remaining):
                let taken = takeBody(input, from: &offset, atMost: remaining)
                state = .body(remaining: remaining - taken)
                isComplete = taken == remaining
            case .chunkData(let remaining):
                let taken = takeBody(input, from: &offset, atMost: remaining)
                state = taken == remaining ? .chunkEnd : .chunkData(remaining: remaining - taken)
                isComplete = false
            default:
                isComplete = try takeLine(input, from: &offset)
            }
            if isComplete { return finish() }
        }
        return nil
    }

    // MARK: Content

    private mutating func takeBody(_ input: Span<UInt8>, from offset: inout Int, atMost remaining: Int) -> Int {
        wantsContinue = false
        let count = min(remaining, input.count - offset)
        input.extracting(offset..<(offset + count)).withUnsafeBufferPointer { body.append(contentsOf: $0) }
        offset += count
        return count
    }

    private mutating func finish() -> HTTPRequest {
        var request = HTTPRequest(
            method: head.method, target: head.target, headers: head.fields, body: body)
        request.isKeepAlive = head.minorVersion == 1 && !head.isClosing
        request.minorVersion = head.minorVersion
        head = HTTPRequestHead()
        body = []
        state = .requestLine
        hasSkippedEmptyLine = false
        wantsContinue = false
        extensionBytes = 0
        return request
    }

    // MARK: Lines

    /// The longest line that the state takes, without its end, and what a longer one is.
    private var lineLimit: (bytes: Int, fault: HTTPRequestFault) {
        switch state {
        case .requestLine: (limits.maxTargetBytes + HTTPRequestParser.requestLineOverhead, .targetTooLong)
        case .fields, .trailers: (limits.maxHeaderBytes - sectionBytes, .headersTooLarge)
        // Sixteen digits of size; what follows them counts as extension.
        case .chunkSize: (16 + limits.maxChunkExtensionBytes - extensionBytes, .chunkExtensionsTooLong)
        case .chunkEnd, .body, .chunkData: (0, .badChunkEnd)
        }
    }

    /// Takes the rest of a line, or keeps what there is of it.
    ///
    /// - Returns: true when the line was the last of a request.
    private mutating func takeLine(_ input: Span<UInt8>, from offset: inout Int) throws(HTTPRequestFault) -> Bool {
        let rest = input.extracting(offset..<input.count)
        guard let length = rest.first(.lineFeed) else {
            rest.withUnsafeBufferPointer { partial.append(contentsOf: $0) }
            offset = input.count
            try checkPartial()
            return false
        }
        offset += length + 1
        if partial.isEmpty { return try take(line: rest.extracting(0..<length)) }
        rest.extracting(0..<length).withUnsafeBufferPointer { partial.append(contentsOf: $0) }
        let line = partial
        partial = []
        return try take(line: line.span)
    }

    /// Refuses an unfinished line that can only come to a fault, by the same fault that the whole line would give.
    private func checkPartial() throws(HTTPRequestFault) {
        if case .requestLine = state, let first = partial.first { try checkFirst(byte: first) }
        let limit = lineLimit
        // One more than the limit, since the last byte may be the CR of the line's end.
        if partial.count > limit.bytes + 1 { throw limit.fault }
    }

    /// A method begins with a letter: anything else (TLS on the wrong port) need not wait for the end of the line.
    private func checkFirst(byte: UInt8) throws(HTTPRequestFault) {
        guard byte.isTokenByte || byte == .carriageReturn else { throw .badRequestLine }
    }

    /// Takes a line that came without its LF.
    private mutating func take(line: Span<UInt8>) throws(HTTPRequestFault) -> Bool {
        if case .requestLine = state, line.count > 0 { try checkFirst(byte: line[0]) }
        let hasReturn = line.count > 0 && line[line.count - 1] == .carriageReturn
        let limit = lineLimit
        let content = line.extracting(0..<(hasReturn ? line.count - 1 : line.count))
        if content.count > limit.bytes { throw limit.fault }
        guard hasReturn else { throw .bareLineFeed }
        switch state {
        case .requestLine:
            try takeRequestLine(content)
        case .fields:
            if content.count == 0 { return try endHead() }
            try countField(content)
            try head.addField(content)
        case .chunkSize:
            try takeChunkSize(content)
        case .chunkEnd, .body, .chunkData:
            state = .chunkSize
        case .trailers:
            if content.count == 0 { return true }
            try countField(content)
            // Checked like any field, then dropped: nothing that matters may come after the content (RFC 9110, 6.5.1).
            _ = try HTTPRequestHead.splitField(content)
        }
        return false
    }

    private mutating func takeRequestLine(_ line: Span<UInt8>) throws(HTTPRequestFault) {
        if line.count == 0 {
            // One empty line before a request is forgiven (RFC 9112, section 2.2): old clients end content with one.
            guard !hasSkippedEmptyLine else { throw .badRequestLine }
            hasSkippedEmptyLine = true
            return
        }
        try head.setRequestLine(line, maxTargetBytes: limits.maxTargetBytes)
        startSection()
        state = .fields
    }

    private mutating func startSection() {
        sectionBytes = 0
        sectionCount = 0
    }

    private mutating func countField(_ line: Span<UInt8>) throws(HTTPRequestFault) {
        sectionBytes += line.count + 2
        sectionCount += 1
        if sectionBytes > limits.maxHeaderBytes { throw .headersTooLarge }
        if sectionCount > limits.maxHeaderCount { throw .tooManyHeaders }
    }

    private mutating func endHead() throws(HTTPRequestFault) -> Bool {
        try head.check()
        if head.isChunked {
            wantsContinue = head.expectsContinue
            state = .chunkSize
            return false
        }
        let length = head.contentLength ?? 0
        if length > limits.maxBodyBytes { throw .contentTooLarge }
        if length == 0 { return true }
        wantsContinue = head.expectsContinue
        body.reserveCapacity(min(length, HTTPRequestParser.maxReservedBody))
        state = .body(remaining: length)
        return false
    }

    /// A chunk's size: hexadecimal digits, then nothing or an extension that is only measured.
    private mutating func takeChunkSize(_ line: Span<UInt8>) throws(HTTPRequestFault) {
        wantsContinue = false
        var size = 0
        var index = 0
        while index < line.count, let digit = line[index].hexadecimalValue {
            // The limit is checked at each digit, so the size cannot overflow.
            size = size << 4 | digit
            if size > limits.maxBodyBytes { throw .contentTooLarge }
            index += 1
        }
        guard index > 0, index <= 16 else { throw .badChunkSize }
        if index < line.count {
            guard line[index] == UInt8(ascii: ";") else { throw .badChunkSize }
            extensionBytes += line.count - index
            if extensionBytes > limits.maxChunkExtensionBytes { throw .chunkExtensionsTooLong }
            while index < line.count {
                guard line[index].isFieldValueByte else { throw .badChunkSize }
                index += 1
            }
        }
        if size == 0 {
            startSection()
            state = .trailers
            return
        }
        if size > limits.maxBodyBytes - body.count { throw .contentTooLarge }
        state = .chunkData(remaining: size)
    }
}
