extension String {
    /// The text of bytes that are known to be UTF-8, which are not checked again.
    init(trusted bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress, bytes.count > 0 else {
            self = ""
            return
        }
        // A string that knows itself to be ASCII is compared and walked through much faster.
        let isASCII = UnsafeRawPointer(start).isASCII(bytes.count)
        self.init(copying: UTF8Span(unchecked: bytes.span, isKnownASCII: isASCII))
    }

    /// The decimal digits of an integer.
    init(decimal number: Int64) {
        self = withUnsafeTemporaryAllocation(byteCount: 24, alignment: 1) { text in
            var count = 0
            guard let start = text.baseAddress else { return "" }
            start.writeDecimal(number, &count)
            return String(trusted: UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: count))
        }
    }
}

extension UnsafeRawPointer {
    /// Whether none of so many bytes has its high bit set.
    @inline(__always)
    fileprivate func isASCII(_ count: Int) -> Bool {
        var bits: UInt64 = 0
        var index = 0
        while index &+ 8 <= count {
            bits |= loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        if index < count { bits |= (self + index).loadPartialWord(count &- index) }
        return bits & 0x8080_8080_8080_8080 == 0
    }
}
