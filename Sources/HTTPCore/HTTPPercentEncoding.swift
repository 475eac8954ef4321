/// Percent-encoding (RFC 3986, section 2.1) and the form encoding that HTML adds to it.
public enum HTTPPercentEncoding {
    /// Encodes a string for use as one path segment or one query value: all but the unreserved characters (RFC 3986, 2.3).
    public static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Decodes percent sequences; a sequence that is not two hexadecimal digits stays as it is, bytes that are not UTF-8
    /// become U+FFFD.
    ///
    /// - Parameter plusIsSpace: true in forms and queries (WHATWG URL, section 5.1), where `+` stands for a space.
    public static func decode(_ bytes: some Sequence<UInt8>, plusIsSpace: Bool = false) -> String {
        let source = Array(bytes)
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var index = 0
        while index < source.count {
            let byte = source[index]
            if byte == UInt8(ascii: "%"), index + 2 < source.count, let high = nibble(source[index + 1]),
                let low = nibble(source[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
                continue
            }
            result.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The pairs of a query or of an `application/x-www-form-urlencoded` body, in their order.
    public static func decodeForm(_ bytes: some Sequence<UInt8>) -> [(name: String, value: String)] {
        Array(bytes).withUnsafeBufferPointer { decodeForm($0) }
    }

    /// One pass over the bytes, for bodies of a kilobyte that come a thousand times a second.
    private static func decodeForm(_ source: UnsafeBufferPointer<UInt8>) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        pairs.reserveCapacity(24)
        var piece: [UInt8] = []
        var name: String?
        var start = 0
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        var index = 0
        while index <= source.count {
            guard index < source.count, source[index] != UInt8(ascii: "&") else {
                // Nothing between two separators is no pair.
                if index > start {
                    pairs.append(name.map { ($0, text(piece)) } ?? (text(piece), ""))
                }
                piece.removeAll(keepingCapacity: true)
                name = nil
                index += 1
                start = index
                continue
            }
            switch source[index] {
            case UInt8(ascii: "=") where name == nil:
                name = text(piece)
                piece.removeAll(keepingCapacity: true)
            case UInt8(ascii: "+"):
                piece.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard index + 2 < source.count, let high = nibble(source[index + 1]),
                    let low = nibble(source[index + 2])
                else {
                    piece.append(UInt8(ascii: "%"))
                    break
                }
                piece.append(high << 4 | low)
                index += 2
            default:
                piece.append(source[index])
            }
            index += 1
        }
        return pairs
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
