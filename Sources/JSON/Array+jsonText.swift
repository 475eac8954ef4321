extension [UInt8] {
    /// Appends what the body writes, at most `room` bytes; the body returns how many it wrote.
    ///
    /// One check for space and uniqueness a field, instead of one for each of its parts, halves the cost of writing.
    @inline(__always)
    mutating func append(room: Int, _ write: (UnsafeMutableRawPointer) -> Int) {
        append(addingCapacity: room) { span in
            span.withUnsafeMutableBufferPointer { buffer, count in
                if let start = buffer.baseAddress { count = write(UnsafeMutableRawPointer(start)) }
            }
        }
    }

    /// Appends what `start` writes, at most `room` bytes, and behind it text as a JSON string with its quotation marks.
    @inline(__always)
    mutating func appendJSONString(
        _ text: UnsafeBufferPointer<UInt8>, behind room: Int, _ start: (UnsafeMutableRawPointer, inout Int) -> Void
    ) {
        var taken = 0
        append(room: room &+ text.count &+ 2 &+ UnsafeMutableRawPointer.wordRoom) { output in
            var place = 0
            start(output, &place)
            output.write(UInt8(ascii: "\""), &place)
            if let source = text.baseAddress {
                taken = (output + place).copyUnescaped(UnsafeRawPointer(source), text.count)
                place &+= taken
            }
            if taken == text.count { output.write(UInt8(ascii: "\""), &place) }
            return place
        }
        if taken < text.count { appendRestOfJSONString(UnsafeBufferPointer(rebasing: text[taken...])) }
    }

    /// Appends text that begins with a byte to escape, and the quotation mark behind it.
    ///
    /// Room is made for the text as it is and some escapes; a text with more of them comes round again.
    private mutating func appendRestOfJSONString(_ text: UnsafeBufferPointer<UInt8>) {
        let escapes = 12
        // The longest escape has six bytes, of which the byte's own is reserved with the text.
        let escapesRoom = 5 * escapes
        guard let start = text.baseAddress else { return }
        let source = UnsafeRawPointer(start)
        let count = text.count
        var taken = 0
        while taken < count {
            append(room: count &- taken &+ escapesRoom &+ 1 &+ UnsafeMutableRawPointer.wordRoom) { output in
                var place = 0
                for _ in 0..<escapes {
                    output.writeEscape(of: text[taken], &place)
                    taken &+= 1
                    let run = (output + place).copyUnescaped(source + taken, count &- taken)
                    place &+= run
                    taken &+= run
                    guard taken < count else {
                        output.write(UInt8(ascii: "\""), &place)
                        break
                    }
                }
                return place
            }
        }
    }
}
