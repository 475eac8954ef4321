import EventLoop
import Testing

@testable import Bridge

struct DelayLineTests {
    /// What ran, and when; touched on the loop alone.
    private final class Record: @unchecked Sendable {
        var names: [Int] = []
        var times: [ContinuousClock.Instant] = []
    }

    @Test func `actions run in order after the delay, and those that were cancelled do not`() async throws {
        try await onLoop { loop in
            let record = Record()
            let line = DelayLine(delay: .milliseconds(100))
            let start = ContinuousClock.now
            var entries: [DelayLine.Entry] = []
            for number in 0..<6 {
                entries.append(
                    line.add(on: loop) {
                        record.names.append(number)
                        record.times.append(.now)
                    })
                if number == 2 { try await loop.sleep(for: .milliseconds(30)) }
            }
            for number in [0, 3, 5] { entries[number].cancel() }
            while line.count > 0 { try await loop.sleep(for: .milliseconds(5)) }
            #expect(record.names == [1, 2, 4])
            #expect(record.times.allSatisfy { start.duration(to: $0) >= .milliseconds(100) })
            #expect(record.times.last.map { start.duration(to: $0) >= .milliseconds(130) } == true)
        }
    }

    @Test func `thousands that are cancelled leave nothing, and a later one still has its turn`() async throws {
        try await onLoop { loop in
            let record = Record()
            let line = DelayLine(delay: .milliseconds(50))
            for number in 0..<5000 { line.add(on: loop) { record.names.append(number) }.cancel() }
            #expect(line.count == 5000)
            while line.count > 0 { try await loop.sleep(for: .milliseconds(5)) }
            _ = line.add(on: loop) { record.names.append(-1) }
            while record.names.isEmpty { try await loop.sleep(for: .milliseconds(5)) }
            #expect(record.names == [-1])
        }
    }

    @Test func `an action may wait again`() async throws {
        try await onLoop { loop in
            let record = Record()
            let line = DelayLine(delay: .milliseconds(20))
            _ = line.add(on: loop) {
                record.names.append(1)
                _ = line.add(on: loop) { record.names.append(2) }
            }
            while record.names.count < 2 { try await loop.sleep(for: .milliseconds(5)) }
            #expect(record.names == [1, 2] && line.count <= 1)
        }
    }
}
