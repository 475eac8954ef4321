internal import CCurl

extension Transfer {
    /// The most bytes of header lines taken, trailers included; several times what servers send.
    private static let headerLimit = 128 << 10

    /// Takes one header line, its line end included.
    ///
    /// - Returns: the count taken; another number makes curl give the transfer up.
    func receive(header line: UnsafeRawBufferPointer) -> Int {
        if status == 0 || line.starts(with: "HTTP/".utf8) {
            clock.sawByte(at: pool.turnTime)
            // From the limit for the first byte to the one for silence, which may run out sooner.
            pool.watchClock(of: self)
            guard beginHead(statusLine: line) else { return 0 }
            return line.count
        }
        // Trailer fields after the content; nobody asks for them.
        if isHeadComplete { return line.count }
        let isEnd = line.first == UInt8(ascii: "\r") || line.first == UInt8(ascii: "\n")
        if isEnd {
            // Interim answers (RFC 9110, section 15.2) are followed by another head, and so are followed redirects.
            isHeadWhole = true
            if status >= 200, !(followsRedirects && (300..<400).contains(status)) { completeHead() }
            return line.count
        }
        guard head.count + line.count <= Transfer.headerLimit else {
            failure = .tooLarge
            return 0
        }
        if head.isEmpty { head.reserveCapacity(512) }
        head.append(contentsOf: line)
        return line.count
    }

    private func beginHead(statusLine line: UnsafeRawBufferPointer) -> Bool {
        // "HTTP/1.1 200 OK" and "HTTP/2 200": the number follows the first space.
        guard let space = line.firstIndex(of: UInt8(ascii: " ")), space + 3 < line.count else { return fail() }
        var number = 0
        for byte in line[(space + 1)...(space + 3)] {
            guard (0x30...0x39).contains(byte) else { return fail() }
            number = number * 10 + Int(byte - 0x30)
        }
        guard (100...599).contains(number) else { return fail() }
        status = number
        head.removeAll(keepingCapacity: true)
        isHeadComplete = false
        isHeadWhole = false
        return true
    }

    private func fail() -> Bool {
        failure = .malformedAnswer
        return false
    }

    private func completeHead() {
        isHeadComplete = true
        if case .stream(let source) = purpose { pool.touch(source) }
    }

    /// Takes a piece of the content.
    ///
    /// - Returns: the count taken, curl's word for "later", or 0 to give the transfer up.
    func receive(body bytes: UnsafeRawBufferPointer) -> Int {
        guard !bytes.isEmpty else { return 0 }
        if case .stream(let source) = purpose {
            if !isHeadComplete { completeHead() }
            guard source.hasRoom(for: bytes.count) else {
                source.isHeldBack = true
                clock.holdBack()
                return cb_write_pause
            }
            guard count(bytes) else { return 0 }
            source.pending.append(contentsOf: bytes)
            pool.touch(source)
            return bytes.count
        }
        guard count(bytes) else { return 0 }
        if body.isEmpty, bytes.count >= 4096 {
            // More is to come: make room once for what is announced, within the limit.
            var announced = 0
            if cb_easy_get_off(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced) == CURLE_OK, announced > 0 {
                body.reserveCapacity(min(announced, limit, 1 << 20))
            }
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    private func count(_ bytes: UnsafeRawBufferPointer) -> Bool {
        clock.sawByte(at: pool.turnTime)
        received += bytes.count
        guard received <= limit else {
            failure = .tooLarge
            return false
        }
        return true
    }
}
