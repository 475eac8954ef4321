import Glibc

/// Does one of the pure functions on a message's way so many times, for `scripts/check-instructions` to count.
///
///     MicroBenchmark WORKLOAD TIMES
///     MicroBenchmark --list
///
/// It prints a sum over what was made: work whose outcome nobody reads may be left out by the compiler.
@main
enum MicroBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments == ["--list"] {
            for workload in Workload.allCases { print(workload.rawValue) }
            return
        }
        guard arguments.count == 2, let workload = arguments.first.flatMap(Workload.init(rawValue:)),
            let times = arguments.last.flatMap({ Int($0) })
        else {
            print("usage: MicroBenchmark --list | WORKLOAD TIMES")
            exit(64)
        }
        let operation = try workload.operation()
        var sum = 0
        for _ in 0..<times { sum &+= try operation() }
        print(sum)
    }
}
