/// Where the values of a JSON text stand, as far as it is one: what changes of structure need to know.
///
/// It reads broken text too, and then says what it takes for values.
struct PayloadOutline {
    /// One value.
    struct Value {
        /// Its bytes.
        var range: Range<Int>
        /// Where its name begins, quotation mark included; nil for an element of a list and for the whole.
        var nameStart: Int?
        /// The bytes of its name and the value.
        var member: Range<Int> { (nameStart ?? range.lowerBound)..<range.upperBound }
    }

    /// The values in the order in which they begin, the whole first.
    private(set) var values: [Value] = []

    /// The most values that are noted: those of the largest recorded payloads, several times.
    private static let mostValues = 4096

    init(_ bytes: [UInt8]) {
        var open: [(value: Int, isObject: Bool)] = []
        var name: Int?
        var expectsName = false
        var index = 0
        while index < bytes.count, values.count < Self.mostValues {
            let start = index
            switch bytes[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                let isObject = bytes[index] == UInt8(ascii: "{")
                open.append((values.count, isObject))
                values.append(Value(range: start..<bytes.count, nameStart: name))
                name = nil
                expectsName = isObject
                index += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                index += 1
                if let closed = open.popLast() {
                    values[closed.value].range = values[closed.value].range.lowerBound..<index
                }
                expectsName = open.last?.isObject ?? false
            case UInt8(ascii: ","):
                index += 1
                name = nil
                expectsName = open.last?.isObject ?? false
            case UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
                index += 1
            case UInt8(ascii: "\""):
                index = Self.endOfString(in: bytes, from: start)
                if expectsName {
                    name = start
                    expectsName = false
                } else {
                    values.append(Value(range: start..<index, nameStart: name))
                    name = nil
                }
            default:
                index += 1
                while index < bytes.count, !",:{}[]\"\n\r\t ".utf8.contains(bytes[index]) { index += 1 }
                values.append(Value(range: start..<index, nameStart: name))
                name = nil
            }
        }
    }

    private static func endOfString(in bytes: [UInt8], from start: Int) -> Int {
        var index = start + 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, bytes.count)
    }
}
