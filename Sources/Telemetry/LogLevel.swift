/// How much an event of our own log matters.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    /// Each step of each message; for the developer.
    case debug
    /// What an operator wants to have read afterwards: starts, stops, connections made.
    case info
    /// Something is not as it should be, and we go on.
    case warning
    /// Something that somebody has to mend.
    case error

    /// The level of this name, as in `LOG_LEVEL`.
    public init?(name: String) {
        switch name.lowercased() {
        case "debug", "trace": self = .debug
        case "info", "notice": self = .info
        case "warning", "warn": self = .warning
        case "error", "critical": self = .error
        default: return nil
        }
    }

    /// The level's name in lower case.
    public var name: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    /// Orders by how much it matters.
    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}
