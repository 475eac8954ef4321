public import JSON

/// How often a fake platform fails, each as a share from 0 to 1.
public struct PlatformFaults: Sendable, Equatable {
    /// A share that is none, or a fault that nobody knows.
    public struct Problem: Error, CustomStringConvertible {
        /// What is wrong and what would be right.
        public let description: String
    }

    /// Requests to the API answered with "too many requests".
    public var rateLimited = 0.0
    /// The patience that goes with it.
    public var retryAfter = Duration.seconds(1)
    /// Requests answered with a fault that passes (5xx).
    public var serverError = 0.0
    /// Requests answered with "your token is wrong".
    public var unauthorized = 0.0
    /// Requests answered with "the user has blocked you".
    public var blocked = 0.0
    /// Requests answered with "there is no such chat".
    public var gone = 0.0
    /// Requests that are carried out and then answered by a cut connection.
    public var cut = 0.0
    /// Webhooks that come twice at once.
    public var duplicated = 0.0
    /// Webhooks that come again a second later, although they were acknowledged.
    public var retriedLate = 0.0
    /// Webhooks that come after the next one.
    public var reordered = 0.0

    /// No faults.
    public init() {}

    /// The names by which faults are given.
    public static let names = [
        "rate-limited", "server-error", "unauthorized", "blocked", "gone", "cut", "duplicated", "retried-late",
        "reordered",
    ]

    /// Faults in words, as `rate-limited=0.1,duplicated=0.05`; `retry-after=SECONDS` goes with the first.
    public init(parsing text: String) throws(Problem) {
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = Double(parts[1]) else {
                throw Problem(description: "\(pair): NAME=SHARE is expected, as rate-limited=0.1")
            }
            try set(String(parts[0]), value)
        }
    }

    /// Faults as the members of a JSON object.
    public init(_ object: JSONView) throws(Problem) {
        guard object.kind == .object else { throw Problem(description: "a JSON object is expected") }
        for (name, value) in object.members {
            guard let value = value.double else { throw Problem(description: "\(name): a number is expected") }
            try set(name, value)
        }
    }

    private mutating func set(_ name: String, _ value: Double) throws(Problem) {
        if name == "retry-after", value >= 0, value <= 3600 {
            retryAfter = .seconds(value)
            return
        }
        guard (0...1).contains(value) else { throw Problem(description: "\(name)=\(value): a share from 0 to 1") }
        switch name {
        case "rate-limited": rateLimited = value
        case "server-error": serverError = value
        case "unauthorized": unauthorized = value
        case "blocked": blocked = value
        case "gone": gone = value
        case "cut": cut = value
        case "duplicated": duplicated = value
        case "retried-late": retriedLate = value
        case "reordered": reordered = value
        default:
            throw Problem(
                description:
                    "\(name): there is no such fault; there are \(PlatformFaults.names.joined(separator: ", ")), retry-after"
            )
        }
    }
}
