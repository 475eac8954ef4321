import Glibc
import Importer

/// How far a long work is, on standard error: a bar that moves on a terminal, elsewhere a line now and then.
final class ProgressLine {
    private let isTerminal = Terminal.isTerminal(2)
    private let clock = ContinuousClock()
    private var stage: ImportProgress.Stage?
    private var begin: (at: ContinuousClock.Instant, done: Int)
    private var shown: ContinuousClock.Instant
    private var isShown = false

    init() {
        begin = (clock.now, 0)
        shown = clock.now
    }

    /// Runs a work that tells how far it is, and takes the bar away at its end.
    func during<Value>(_ work: ((ImportProgress) -> Void) async throws -> Value) async throws -> Value {
        defer { clear() }
        return try await work { self.show($0) }
    }

    private func show(_ progress: ImportProgress) {
        let now = clock.now
        if stage != progress.stage {
            stage = progress.stage
            // What an interrupted run did before says nothing of the rate.
            begin = (now, progress.done)
            shown = now
            if !isTerminal { return }
        }
        let pause: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
        guard now - shown >= pause || isTerminal && !isShown else { return }
        shown = now
        let line = Self.line(
            progress, since: begin.done, seconds: begin.at.duration(to: now).seconds,
            width: isTerminal ? Terminal.width(2) : nil)
        if isTerminal {
            isShown = true
            Terminal.write("\r\u{1B}[K" + line, to: 2)
        } else {
            Terminal.complain(line)
        }
    }

    private func clear() {
        if isShown { Terminal.write("\r\u{1B}[K", to: 2) }
        isShown = false
    }

    /// The line: `messages  [=====>    ]  52 %  520,000 of 1,000,000  61,000/s  8 s left`.
    ///
    /// - Parameters:
    ///   - before: what was done when the clock began.
    ///   - width: of the terminal; nil for a line without a bar.
    static func line(_ progress: ImportProgress, since before: Int, seconds: Double, width: Int?) -> String {
        let total = max(progress.total, progress.done)
        let share = total == 0 ? 1 : Double(progress.done) / Double(total)
        var text = "\(Int(share * 100)) %  \(progress.done.grouped) of \(total.grouped)"
        let rate = seconds > 0 ? Double(progress.done - before) / seconds : 0
        if rate > 0 {
            text += "  \(rate.grouped)/s"
            if progress.done < total { text += "  \(timeLeft(Double(total - progress.done) / rate)) left" }
        }
        let name = progress.stage == .comparing ? "comparing" : "importing \(progress.stage.rawValue)"
        guard let width else { return "\(name)  \(text)" }
        let room = min(40, width - name.utf8.count - text.utf8.count - 8)
        guard room >= 8 else { return String("\(name)  \(text)".prefix(max(0, width - 1))) }
        let filled = Int(share * Double(room))
        let bar =
            String(repeating: "=", count: filled) + (filled < room ? ">" : "")
            + String(repeating: " ", count: max(0, room - filled - 1))
        return "\(name)  [\(bar)]  \(text)"
    }

    /// A time as a person says it: `8 s`, `3 min 20 s`, `2 h 5 min`.
    static func timeLeft(_ seconds: Double) -> String {
        let seconds = Int(min(seconds.rounded(.up), 1e9))
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }
}

extension Int {
    /// With commas between thousands.
    var grouped: String {
        let digits = String(magnitude)
        var text = self < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }
}

extension Double {
    /// Rounded, with commas between thousands.
    var grouped: String { Int(min(max(rounded(), -1e15), 1e15)).grouped }

    /// With so many digits behind the point, one at most.
    func rounded(to digits: Int) -> String {
        let tenths = Int((self * 10).rounded())
        return digits == 0 ? grouped : "\((tenths / 10).grouped).\(abs(tenths % 10))"
    }
}

extension Duration {
    /// As a number of seconds.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
