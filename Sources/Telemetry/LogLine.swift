internal import Glibc

/// One event of the log, ready to be written in either format.
struct LogLine {
    let level: LogLevel
    let message: String
    let pairs: [(String, String)]

    func text(in format: Log.Format) -> String {
        switch format {
        case .text(let isColored): readable(isColored: isColored)
        case .json: json
        }
    }

    private func readable(isColored: Bool) -> String {
        let time = String(LogLine.time().dropFirst(11).prefix(12))
        var line = isColored ? "\u{1B}[2m\(time)\u{1B}[0m " : "\(time) "
        let label = level.name.uppercased() + String(repeating: " ", count: 8 - level.name.utf8.count)
        line += isColored ? "\u{1B}[\(color)m\(label)\u{1B}[0m" : label
        line += message
        for (name, value) in pairs {
            let quoted = value.utf8.contains(UInt8(ascii: " ")) || value.isEmpty
            line += isColored ? " \u{1B}[2m\(name)=\u{1B}[0m" : " \(name)="
            line += quoted ? "\"\(LogLine.escaped(value))\"" : LogLine.escaped(value)
        }
        return line + "\n"
    }

    private var color: String {
        switch level {
        case .debug: "2"
        case .info: "32"
        case .warning: "33"
        case .error: "31"
        }
    }

    private var json: String {
        var line =
            "{\"time\":\"\(LogLine.time())\",\"level\":\"\(level.name)\",\"message\":\"\(LogLine.escaped(message))\""
        for (name, value) in pairs { line += ",\"\(LogLine.escaped(name))\":\"\(LogLine.escaped(value))\"" }
        return line + "}\n"
    }

    /// Escapes as JSON does; control characters in a value can thus not forge a line or colour a terminal.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The time in UTC with milliseconds, as RFC 3339 writes it.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let milliseconds = now.tv_nsec / 1_000_000
        let fraction = String(repeating: "0", count: 3 - String(milliseconds).utf8.count) + String(milliseconds)
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
            + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
    }
}
