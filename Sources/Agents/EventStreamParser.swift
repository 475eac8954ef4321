/// Cuts a stream of server-sent events into events (WHATWG HTML, section 9.2.6), however its bytes are chunked.
///
/// Everything here carries JSON, whose text never holds a raw control byte; so three habits of real servers that the
/// standard does not know are understood too: records ended by U+001E instead of a blank line, bare objects without
/// `data:` on a line of their own, and `data:` lines that each hold an object without blank lines between them.
/// The fields `id` and `retry` serve reconnection, which does not exist for an answer, and are skipped.
struct EventStreamParser: Sendable {
    /// One event that has data.
    struct Event: Sendable, Equatable {
        /// The event's name; empty where the stream gives none.
        var name = ""
        /// The data lines, joined by line feeds; bytes, because a text is valid only as a whole.
        var data: [UInt8]
    }

    private struct TooLong: Error {}

    /// The longest line and the most data of one event, in bytes.
    let limit: Int

    /// True once a line, or the data of one event, was longer than the limit; nothing is read from there on.
    private(set) var isTooLong = false

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var name = ""
    private var isFirstLine = true
    private var skipsLineFeed = false

    /// A parser at the start of a stream.
    init(limit: Int = 9 << 20) {
        self.limit = limit
    }

    /// Takes the next bytes and returns the events that they complete.
    mutating func parse(_ bytes: ArraySlice<UInt8>) -> [Event] {
        var events: [Event] = []
        if !isTooLong {
            do { try parse(bytes, into: &events) } catch { isTooLong = true }
        }
        return events
    }

    private mutating func parse(_ bytes: ArraySlice<UInt8>, into events: inout [Event]) throws(TooLong) {
        var start = bytes.startIndex
        var index = start
        while index < bytes.endIndex {
            let byte = bytes[index]
            let isLineFeed = byte == UInt8(ascii: "\n")
            if skipsLineFeed {
                skipsLineFeed = false
                if isLineFeed {
                    index += 1
                    start = index
                    continue
                }
            }
            guard isLineFeed || byte == UInt8(ascii: "\r") || byte == EventStreamParser.recordSeparator else {
                index += 1
                continue
            }
            try endLine(bytes[start..<index], into: &events)
            if byte == EventStreamParser.recordSeparator { dispatch(into: &events) }
            skipsLineFeed = byte == UInt8(ascii: "\r")
            index += 1
            start = index
        }
        if start < bytes.endIndex {
            line.append(contentsOf: bytes[start...])
            if line.count > limit { throw TooLong() }
        }
    }

    /// The events that the end of the stream completes.
    ///
    /// The standard drops an event without its blank line; many servers forget that line after their last event, so it
    /// counts here, and half an object shows itself when it is read.
    mutating func end() -> [Event] {
        var events = line.isEmpty ? [] : parse([UInt8(ascii: "\n")])
        if !isTooLong { dispatch(into: &events) }
        return events
    }

    private static let recordSeparator: UInt8 = 0x1E

    /// Reads the line that is made of what waits and of the bytes.
    private mutating func endLine(_ bytes: ArraySlice<UInt8>, into events: inout [Event]) throws(TooLong) {
        if line.count + bytes.count > limit { throw TooLong() }
        guard !line.isEmpty else { return try read(bytes, into: &events) }
        var whole = line
        line.removeAll(keepingCapacity: true)
        whole.append(contentsOf: bytes)
        try read(whole[...], into: &events)
    }

    private mutating func read(_ line: ArraySlice<UInt8>, into events: inout [Event]) throws(TooLong) {
        var line = line
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
        }
        guard let first = line.first else { return dispatch(into: &events) }
        if first == UInt8(ascii: ":") { return }
        if first == UInt8(ascii: "{") {
            dispatch(into: &events)
            events.append(Event(name: "", data: Array(line)))
            return
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        let field = line[..<colon]
        if field.elementsEqual("data".utf8) {
            try append(value, into: &events)
        } else if field.elementsEqual("event".utf8) {
            name = String(decoding: value, as: UTF8.self)
        }
    }

    private mutating func append(_ value: ArraySlice<UInt8>, into events: inout [Event]) throws(TooLong) {
        // No JSON has "}" followed by "{" or by "[DONE]" on the next line: a new event begins here.
        if data.last == UInt8(ascii: "}"), value.first == UInt8(ascii: "{") || value.elementsEqual("[DONE]".utf8) {
            dispatch(into: &events)
        }
        if data.count + value.count >= limit { throw TooLong() }
        if hasData { data.append(UInt8(ascii: "\n")) }
        hasData = true
        data.append(contentsOf: value)
    }

    private mutating func dispatch(into events: inout [Event]) {
        if hasData { events.append(Event(name: name, data: data)) }
        hasData = false
        data = []
        name = ""
    }
}
