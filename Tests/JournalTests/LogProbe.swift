import Synchronization
import Telemetry

/// A log whose lines a test can read.
final class LogProbe: Sendable {
    private let written = Mutex<[String]>([])

    var log: Log {
        Log(minimum: .info, format: .text(isColored: false)) { [self] line in written.withLock { $0.append(line) } }
    }

    var lines: [String] { written.withLock { $0 } }

    func count(_ text: String) -> Int { lines.count { $0.contains(text) } }
}
