import Synchronization
import Telemetry
import Testing

/// Collects the lines of a log.
final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}

@Suite struct LogTests {
    @Test func `a line of JSON holds level, message and values, escaped`() {
        let lines = Lines()
        let log = Log(format: .json, write: lines.add).with("adapter.name", "telegram")
        log.warning("send failed", ["reason": "a \"quote\"\nand a line\u{1B}[31m"])
        #expect(lines.all.count == 1)
        let line = lines.all.first ?? ""
        #expect(line.hasSuffix("}\n"))
        #expect(line.contains(#""level":"warning","message":"send failed","adapter.name":"telegram""#))
        #expect(line.contains(#""reason":"a \"quote\"\nand a line\u001b[31m""#))
    }

    @Test func `what is below the level is not written and its values are not made`() {
        let lines = Lines()
        let log = Log(minimum: .warning, write: lines.add)
        func values() -> KeyValuePairs<String, String> {
            Issue.record("made for nothing")
            return [:]
        }
        log.info("quiet", values())
        log.error("loud")
        #expect(lines.all.count == 1)
    }

    @Test func `text for people has no control characters of its values`() {
        let lines = Lines()
        Log(format: .text(isColored: false), write: lines.add).info("started", ["port": "3000", "note": "a b\u{7}"])
        #expect(lines.all.first?.hasSuffix("INFO    started port=3000 note=\"a b\\u0007\"\n") == true)
    }
}

@Suite struct MetricsTests {
    @Test func `the same name and labels give the same counter`() {
        let metrics = Metrics()
        metrics.counter("a_total", help: "A.", labels: [("platform", "x\"y")]).increment(by: 2)
        metrics.counter("a_total", help: "A.", labels: [("platform", "x\"y")]).increment()
        metrics.gauge("depth", help: "D.").set(-4)
        #expect(
            metrics.text() == """
                # HELP a_total A.
                # TYPE a_total counter
                a_total{platform="x\\"y"} 3
                # HELP depth D.
                # TYPE depth gauge
                depth -4

                """)
    }

    @Test(arguments: [(0, 0), (50_000, 0), (50_001, 1), (100_000, 1), (100_001, 2), (Int64.max, 22)])
    func `a duration falls into the bucket that ends at or above it`(nanoseconds: Int64, bucket: Int) {
        let metrics = Metrics()
        let histogram = metrics.histogram("t_seconds", help: "T.")
        histogram.record(nanoseconds: nanoseconds)
        let counts = metrics.text().split(separator: "\n").filter { $0.hasPrefix("t_seconds_bucket") }
        #expect(counts.firstIndex { $0.hasSuffix(" 1") } == bucket)
        #expect(counts.count == 23)
    }

    @Test func `quantiles are the bounds of buckets`() {
        let histogram = Metrics().histogram("t_seconds", help: "T.")
        #expect(histogram.quantile(0.5) == nil)
        for _ in 0..<99 { histogram.record(.microseconds(90)) }
        histogram.record(.milliseconds(3))
        #expect(histogram.quantile(0.5) == .microseconds(100))
        #expect(histogram.quantile(1) == .microseconds(3200))
        #expect(histogram.count == 100)
    }
}
