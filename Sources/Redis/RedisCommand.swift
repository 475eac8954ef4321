/// A command in the form that goes over the wire, built argument by argument into one buffer.
///
/// ```swift
/// var push = RedisCommand("LPUSH", "chatbridge:log")
/// for job in jobs { push.append(job) }
/// ```
public struct RedisCommand: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// Room for the count of arguments, which is known last and stands first: "*" and 19 digits and the line end.
    private static let headerRoom = 22
    /// Around an argument: "$", 19 digits and two line ends.
    private static let argumentRoom = 24
    /// Room that a command has from the start; most are shorter, and a push of log jobs asks for more.
    private static let usualBytes = 256
    private static let emptyHeader = [UInt8](repeating: 0x30, count: headerRoom - 4) + Array("*0\r\n".utf8)

    private var buffer: [UInt8]
    private var start: Int
    /// The number of arguments, the command's name included.
    public private(set) var count = 0

    /// A command of a name and text arguments.
    public init(_ name: String, _ arguments: String...) {
        self.init(name: name)
        for argument in arguments { append(argument) }
    }

    /// A command of a name and byte arguments.
    public init(_ name: String, arguments: [[UInt8]]) {
        self.init(name: name, room: RedisCommand.room(for: arguments))
        append(contentsOf: arguments)
    }

    /// A command of these words, the name first.
    public init(arrayLiteral elements: String...) {
        precondition(!elements.isEmpty, "a command has a name")
        self.init(name: elements[0])
        for argument in elements.dropFirst() { append(argument) }
    }

    private init(name: String, room: Int = 0) {
        buffer = []
        buffer.reserveCapacity(RedisCommand.usualBytes + room)
        buffer.append(contentsOf: RedisCommand.emptyHeader)
        start = RedisCommand.headerRoom
        append(name)
    }

    /// Adds an argument of bytes.
    public mutating func append(_ argument: [UInt8]) {
        argument.withUnsafeBytes { add($0) }
        writeHeader()
    }

    /// Adds an argument of text.
    public mutating func append(_ argument: String) {
        var argument = argument
        argument.withUTF8 { add(UnsafeRawBufferPointer($0)) }
        writeHeader()
    }

    /// Adds a number in decimal.
    public mutating func append(_ argument: Int) {
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { text in
            var first = text.count
            RedisCommand.writeDecimal(argument.magnitude, to: text, endingAt: &first)
            if argument < 0 {
                first -= 1
                text[first] = UInt8(ascii: "-")
            }
            add(UnsafeRawBufferPointer(rebasing: text[first...]))
        }
        writeHeader()
    }

    /// Adds many arguments of bytes.
    public mutating func append(contentsOf arguments: [[UInt8]]) {
        reserveCapacity(RedisCommand.room(for: arguments))
        for argument in arguments { argument.withUnsafeBytes { add($0) } }
        writeHeader()
    }

    /// Makes room for arguments of so many bytes in all.
    public mutating func reserveCapacity(_ bytes: Int) {
        // Asked for exactly what it needs, an array that is added to again and again would be copied each time.
        guard buffer.count + bytes > buffer.capacity else { return }
        buffer.reserveCapacity(max(buffer.count + bytes, 2 * buffer.capacity))
    }

    /// The bytes on the wire.
    package var wire: ArraySlice<UInt8> { buffer[start...] }

    private static func room(for arguments: [[UInt8]]) -> Int {
        arguments.reduce(0) { $0 + $1.count + argumentRoom }
    }

    /// Adds an argument without counting it in the header.
    private mutating func add(_ argument: UnsafeRawBufferPointer) {
        count += 1
        let digits = RedisCommand.digits(of: UInt(argument.count))
        // One check for space and uniqueness for all of it.
        buffer.append(addingCapacity: argument.count + RedisCommand.argumentRoom) { span in
            span.withUnsafeMutableBufferPointer { unused, written in
                let output = UnsafeMutableRawBufferPointer(unused)
                output[0] = UInt8(ascii: "$")
                var place = 1 + digits
                RedisCommand.writeDecimal(UInt(argument.count), to: output, endingAt: &place)
                place = 1 + digits
                output.storeBytes(of: RedisCommand.lineEnd, toByteOffset: place, as: UInt16.self)
                if let source = argument.baseAddress, let target = output.baseAddress {
                    (target + place + 2).copyMemory(from: source, byteCount: argument.count)
                }
                place += 2 + argument.count
                output.storeBytes(of: RedisCommand.lineEnd, toByteOffset: place, as: UInt16.self)
                written = place + 2
            }
        }
    }

    private mutating func writeHeader() {
        var first = RedisCommand.headerRoom - 2
        buffer.withUnsafeMutableBytes { bytes in
            RedisCommand.writeDecimal(UInt(count), to: bytes, endingAt: &first)
            first -= 1
            bytes[first] = UInt8(ascii: "*")
        }
        start = first
    }

    /// CR and LF in the order of memory.
    private static let lineEnd = UInt16(littleEndian: 0x0A0D)

    private static func digits(of number: UInt) -> Int {
        var digits = 1
        var rest = number
        while rest >= 10 {
            digits += 1
            rest /= 10
        }
        return digits
    }

    /// Writes a number so that its last digit stands before `end`, which becomes the place of the first.
    private static func writeDecimal(_ number: UInt, to output: UnsafeMutableRawBufferPointer, endingAt end: inout Int)
    {
        var rest = number
        repeat {
            end -= 1
            output[end] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
    }
}
