/// A command in the form that goes over the wire, built argument by argument into one buffer.
///
/// ```swift
/// var push = RedisCommand("LPUSH", "chatbridge:log")
/// for job in jobs { push.append(job) }
/// ```
public struct RedisCommand: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// Room for the count of arguments, which is known last and stands first: "*" and 19 digits and the line end.
    private static let headerRoom = 22

    private var buffer: [UInt8]
    private var start: Int
    /// The number of arguments, the command's name included.
    public private(set) var count = 0

    /// A command of a name and text arguments.
    public init(_ name: String, _ arguments: String...) {
        self.init(name: name)
        for argument in arguments { add(argument.utf8) }
        writeHeader()
    }

    /// A command of a name and byte arguments.
    public init(_ name: String, arguments: some Sequence<[UInt8]>) {
        self.init(name: name)
        append(contentsOf: arguments)
    }

    /// A command of these words, the name first.
    public init(arrayLiteral elements: String...) {
        precondition(!elements.isEmpty, "a command has a name")
        self.init(name: elements[0])
        for argument in elements.dropFirst() { add(argument.utf8) }
        writeHeader()
    }

    private init(name: String) {
        buffer = [UInt8](repeating: 0, count: RedisCommand.headerRoom)
        start = RedisCommand.headerRoom
        add(name.utf8)
        writeHeader()
    }

    /// Adds an argument of bytes.
    public mutating func append(_ argument: [UInt8]) {
        add(argument)
        writeHeader()
    }

    /// Adds an argument of text.
    public mutating func append(_ argument: String) {
        add(argument.utf8)
        writeHeader()
    }

    /// Adds a number in decimal.
    public mutating func append(_ argument: Int) {
        append(String(argument))
    }

    /// Adds many arguments of bytes.
    public mutating func append(contentsOf arguments: some Sequence<[UInt8]>) {
        for argument in arguments { add(argument) }
        writeHeader()
    }

    /// Makes room for arguments of so many bytes in all.
    public mutating func reserveCapacity(_ bytes: Int) {
        buffer.reserveCapacity(buffer.count + bytes)
    }

    /// The bytes on the wire.
    package var wire: ArraySlice<UInt8> { buffer[start...] }

    private mutating func add(_ argument: some Collection<UInt8>) {
        count += 1
        buffer.append(UInt8(ascii: "$"))
        RedisCommand.appendDecimal(argument.count, to: &buffer)
        buffer.append(13)
        buffer.append(10)
        buffer.append(contentsOf: argument)
        buffer.append(13)
        buffer.append(10)
    }

    private mutating func writeHeader() {
        var index = RedisCommand.headerRoom - 1
        buffer[index] = 10
        buffer[index - 1] = 13
        index -= 2
        var rest = count
        repeat {
            buffer[index] = UInt8(0x30 + rest % 10)
            rest /= 10
            index -= 1
        } while rest > 0
        buffer[index] = UInt8(ascii: "*")
        start = index
    }

    private static func appendDecimal(_ number: Int, to buffer: inout [UInt8]) {
        if number < 10 { return buffer.append(UInt8(0x30 + number)) }
        let first = buffer.count
        var rest = number
        while rest > 0 {
            buffer.append(UInt8(0x30 + rest % 10))
            rest /= 10
        }
        buffer[first...].reverse()
    }
}
