import Testing

@testable import Redis

struct RedisCommandTests {
    @Test func `a command is a list of strings, each behind its length`() {
        #expect(text(RedisCommand("PING")) == "*1\r\n$4\r\nPING\r\n")
        #expect(text(["SET", "clé", ""]) == "*3\r\n$3\r\nSET\r\n$4\r\nclé\r\n$0\r\n\r\n")
    }

    @Test(arguments: [0, 7, -7, 10, -10, 1_000_000, Int.max, Int.min])
    func `a number is written as it is read`(number: Int) {
        var command = RedisCommand("GET")
        command.append(number)
        let digits = String(number)
        #expect(text(command) == "*2\r\n$3\r\nGET\r\n$\(digits.utf8.count)\r\n\(digits)\r\n")
    }

    @Test(arguments: [8, 9, 10, 98, 99, 100, 1_234])
    func `the count and the bytes hold for any number of arguments, however they are added`(count: Int) {
        // Lengths on both sides of each further digit, beyond the room that a command starts with.
        let arguments = (0..<count).map {
            [UInt8](repeating: UInt8(0x61 + $0 % 26), count: [0, 1, 9, 10, 99, 100][$0 % 6])
        }
        var expected = "*\(count + 1)\r\n$5\r\nLPUSH\r\n"
        for argument in arguments {
            expected += "$\(argument.count)\r\n\(String(decoding: argument, as: UTF8.self))\r\n"
        }
        #expect(text(RedisCommand("LPUSH", arguments: arguments)) == expected)
        var oneByOne = RedisCommand("LPUSH")
        for argument in arguments { oneByOne.append(argument) }
        #expect(text(oneByOne) == expected)
        var many = RedisCommand("LPUSH")
        many.reserveCapacity(3)
        many.append(contentsOf: Array(arguments.prefix(5)))
        many.append(contentsOf: Array(arguments.dropFirst(5)))
        #expect(text(many) == expected)
    }

    @Test func `a copy of a command goes its own way`() {
        var first = RedisCommand("LPUSH", "list")
        var second = first
        first.append("a")
        second.append("bb")
        #expect(text(first) == "*3\r\n$5\r\nLPUSH\r\n$4\r\nlist\r\n$1\r\na\r\n")
        #expect(text(second) == "*3\r\n$5\r\nLPUSH\r\n$4\r\nlist\r\n$2\r\nbb\r\n")
    }

    private func text(_ command: RedisCommand) -> String { String(decoding: command.wire, as: UTF8.self) }
}
