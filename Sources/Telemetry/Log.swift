internal import Glibc

/// Our own log: a constant message and named values, one line each on standard error.
///
/// Never put a token, a URL with one, or a user's words into it.
public struct Log: Sendable {
    /// How a line looks.
    public enum Format: Sendable {
        /// For people: time, level, message, `name=value`; with colour when `isColored`.
        case text(isColored: Bool)
        /// For machines: one JSON object.
        case json
    }

    private let minimum: LogLevel
    private let format: Format
    private let common: [(String, String)]
    private let write: @Sendable (String) -> Void

    /// A log.
    ///
    /// - Parameters:
    ///   - minimum: the level below which nothing is written.
    ///   - write: takes a line that ends in a newline; by default one `write` to standard error.
    public init(
        minimum: LogLevel = .info, format: Format = .json,
        write: @escaping @Sendable (String) -> Void = Log.writeToStandardError
    ) {
        self.init(minimum: minimum, format: format, common: [], write: write)
    }

    private init(
        minimum: LogLevel, format: Format, common: [(String, String)], write: @escaping @Sendable (String) -> Void
    ) {
        self.minimum = minimum
        self.format = format
        self.common = common
        self.write = write
    }

    /// A log that writes nothing, for tests and tools.
    public static let silent = Log(minimum: .error, write: { _ in })

    /// The same log with a named value added to each of its lines.
    public func with(_ name: String, _ value: String) -> Log {
        Log(minimum: minimum, format: format, common: common + [(name, value)], write: write)
    }

    /// True when an event of this level is written: for callers to whom its values cost something.
    public func isWritten(_ level: LogLevel) -> Bool { level >= minimum }

    /// For the developer: steps of a message.
    public func debug(_ message: StaticString, _ values: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        if isWritten(.debug) { emit(.debug, message, values()) }
    }

    /// For the operator's records.
    public func info(_ message: StaticString, _ values: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        if isWritten(.info) { emit(.info, message, values()) }
    }

    /// Something is not as it should be.
    public func warning(_ message: StaticString, _ values: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        if isWritten(.warning) { emit(.warning, message, values()) }
    }

    /// Somebody has to mend this.
    public func error(_ message: StaticString, _ values: @autoclosure () -> KeyValuePairs<String, String> = [:]) {
        if isWritten(.error) { emit(.error, message, values()) }
    }

    private func emit(_ level: LogLevel, _ message: StaticString, _ values: KeyValuePairs<String, String>) {
        let pairs = common + values.map { ($0.key, $0.value) }
        write(LogLine(level: level, message: message.description, pairs: pairs).text(in: format))
    }

    /// Writes a line to standard error in one system call, so that lines of several processes do not mix.
    public static func writeToStandardError(_ line: String) {
        var line = line
        line.withUTF8 { buffer in
            var rest = UnsafeRawBufferPointer(buffer)
            while !rest.isEmpty {
                let count = Glibc.write(2, rest.baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                // Nobody reads the log: there is nobody to tell.
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
