internal import CHiredis

/// hiredis's incremental parser of replies, whose values leave it as Swift values.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let limit: Int
    private var unparsed = 0

    /// - Parameter limit: the most bytes taken without a whole reply among them.
    init(limit: Int) {
        // With hiredis's own reply objects: the functions that make others differ between 0.14 and 1.2.
        guard let reader = redisReaderCreate() else { preconditionFailure("out of memory") }
        self.reader = reader
        self.limit = limit
    }

    deinit {
        redisReaderFree(reader)
    }

    /// Takes bytes and calls `body` for each reply that is whole; stops when it returns false.
    func feed(_ bytes: UnsafeRawBufferPointer, _ body: (RedisValue) -> Bool) throws(RedisError) {
        let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress
        guard redisReaderFeed(reader, start, bytes.count) == REDIS_OK else { throw failure() }
        unparsed += bytes.count
        while true {
            var reply: UnsafeMutableRawPointer?
            guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw failure() }
            guard let reply else { break }
            unparsed = 0
            let value = ReplyReader.value(reply.assumingMemoryBound(to: redisReply.self).pointee)
            freeReplyObject(reply)
            guard let value else { throw RedisError.brokenReply("the server answers in a newer protocol") }
            guard body(value) else { return }
        }
        guard unparsed <= limit else { throw RedisError.brokenReply("a reply is longer than allowed") }
    }

    private func failure() -> RedisError {
        RedisError.brokenReply("the server's reply cannot be read")
    }

    private static func value(_ reply: redisReply) -> RedisValue? {
        switch reply.type {
        case REDIS_REPLY_NIL: return .null
        case REDIS_REPLY_INTEGER: return .integer(Int(reply.integer))
        case REDIS_REPLY_STRING: return .bytes(bytes(of: reply))
        case REDIS_REPLY_STATUS: return .simple(String(decoding: bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_ERROR: return .error(RedisError(reply: String(decoding: bytes(of: reply), as: UTF8.self)))
        case REDIS_REPLY_ARRAY:
            var values: [RedisValue] = []
            values.reserveCapacity(Int(reply.elements))
            for index in 0..<Int(reply.elements) {
                guard let element = reply.element[index], let value = value(element.pointee) else { return nil }
                values.append(value)
            }
            return .array(values)
        // The kinds of RESP3, which a server sends only to those who say HELLO.
        default: return nil
        }
    }

    private static func bytes(of reply: redisReply) -> [UInt8] {
        guard let text = reply.str else { return [] }
        return Array(UnsafeRawBufferPointer(start: text, count: Int(reply.len)))
    }
}

extension RedisError {
    static func brokenReply(_ message: String) -> RedisError {
        RedisError(code: .protocol, message: message, mayHaveBeenExecuted: true)
    }
}
