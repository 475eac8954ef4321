/// The parameters of a webhook, from its body or its query, kept as bytes: few of them are ever read, but all are signed.
struct TwilioForm {
    /// Where one parameter's name and value stand in ``bytes``.
    private struct Parameter {
        var name: Range<Int>
        var value: Range<Int>
    }

    private var bytes: [UInt8] = []
    private var parameters: [Parameter] = []

    /// Reads `application/x-www-form-urlencoded` bytes (WHATWG URL, section 5.1).
    init(_ source: some Collection<UInt8>) {
        bytes.reserveCapacity(source.count)
        parameters.reserveCapacity(24)
        let source = Array(source)
        source.withUnsafeBufferPointer { read($0) }
    }

    /// The parameters with these names and values.
    init(_ pairs: [(name: String, value: String)]) {
        for pair in pairs {
            let start = bytes.count
            bytes += pair.name.utf8
            let middle = bytes.count
            bytes += pair.value.utf8
            parameters.append(Parameter(name: start..<middle, value: middle..<bytes.count))
        }
    }

    private mutating func read(_ source: UnsafeBufferPointer<UInt8>) {
        var start = 0
        var middle: Int?
        var index = 0
        func nibble(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46: byte - 0x41 + 10
            case 0x61...0x66: byte - 0x61 + 10
            default: nil
            }
        }
        while index < source.count {
            let byte = source[index]
            switch byte {
            case UInt8(ascii: "&"):
                end(from: start, middle)
                start = bytes.count
                middle = nil
            case UInt8(ascii: "=") where middle == nil:
                middle = bytes.count
            case UInt8(ascii: "+"):
                bytes.append(0x20)
            case UInt8(ascii: "%"):
                if index + 2 < source.count, let high = nibble(source[index + 1]), let low = nibble(source[index + 2]) {
                    bytes.append(high << 4 | low)
                    index += 2
                } else {
                    bytes.append(byte)
                }
            default:
                bytes.append(byte)
            }
            index += 1
        }
        end(from: start, middle)
    }

    /// Ends a parameter; nothing between two separators is none.
    private mutating func end(from start: Int, _ middle: Int?) {
        guard middle != nil || bytes.count > start else { return }
        let middle = middle ?? bytes.count
        parameters.append(Parameter(name: start..<middle, value: middle..<bytes.count))
    }

    /// All names and values as they came, empty and unknown ones too.
    var pairs: [(name: String, value: String)] {
        parameters.map { (text($0.name), text($0.value)) }
    }

    /// The first value under a name, empty or not.
    subscript(raw name: String) -> String? {
        guard let value = value(of: name) else { return nil }
        return text(value)
    }

    /// The first value under a name; nil where it is empty, as Twilio writes what it does not know.
    subscript(name: String) -> String? {
        guard let value = value(of: name), !value.isEmpty else { return nil }
        return text(value)
    }

    private func value(of name: String) -> Range<Int>? {
        var name = name
        return name.withUTF8 { name in
            bytes.withUnsafeBufferPointer { bytes in
                parameters.first { $0.name.count == name.count && name.elementsEqual(bytes[$0.name]) }?.value
            }
        }
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// What a signature covers: names and values in the order of the names' bytes; of a name that stands there several
    /// times each distinct value once, in order.
    var signedText: [UInt8] {
        bytes.withUnsafeBufferPointer { bytes in
            func order(_ left: Range<Int>, _ right: Range<Int>) -> Int {
                for (one, other) in zip(bytes[left], bytes[right]) where one != other { return one < other ? -1 : 1 }
                return left.count - right.count
            }
            let sorted = parameters.sorted { left, right in
                let names = order(left.name, right.name)
                return names < 0 || names == 0 && order(left.value, right.value) < 0
            }
            var text: [UInt8] = []
            text.reserveCapacity(bytes.count)
            var last: Parameter?
            for parameter in sorted {
                if let last, order(last.name, parameter.name) == 0, order(last.value, parameter.value) == 0 { continue }
                text += bytes[parameter.name]
                text += bytes[parameter.value]
                last = parameter
            }
            return text
        }
    }

    /// A telephone number or another address, mended where a `+` was not encoded or a colon is missing.
    func address(_ name: String) -> String? {
        guard var address = self[name] else { return nil }
        for channel in ["whatsapp", "messenger", "rcs"] where address.hasPrefix(channel) {
            let rest = address.dropFirst(channel.count).drop { $0 == ":" }
            // An unencoded + is a space by now.
            return "\(channel):" + (rest.first == " " ? "+" + rest.dropFirst() : String(rest))
        }
        if address.first == " " { address = "+" + address.dropFirst() }
        return address
    }
}
