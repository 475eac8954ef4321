public import BridgeCore

/// A piece of work that has ended: what it was, when, and what it belongs to.
///
/// Names of attributes are those of the OpenTelemetry semantic conventions. Never put a user's words into one.
public struct Span: Sendable {
    /// What part a span plays between processes; the numbers of `Span.SpanKind` in OTLP's trace.proto.
    public enum Kind: Int, Sendable {
        /// Work within the process.
        case `internal` = 1
        /// A request from outside.
        case server = 2
        /// A request to outside.
        case client = 3
        /// A message sent.
        case producer = 4
        /// A message received.
        case consumer = 5
    }

    /// A value of an attribute.
    public enum Value: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        /// Text.
        case string(String)
        /// A whole number.
        case integer(Int64)
        /// A number.
        case number(Double)
        /// True or false.
        case boolean(Bool)
        /// Several texts.
        case strings([String])

        /// Text.
        public init(stringLiteral value: String) { self = .string(value) }
        /// A whole number.
        public init(integerLiteral value: Int64) { self = .integer(value) }
    }

    /// A named value.
    public struct Attribute: Sendable, Equatable {
        /// The name, as in `messaging.system`.
        public var name: String
        /// The value.
        public var value: Value

        /// A named value.
        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// Something that happened within a span.
    public struct Event: Sendable, Equatable {
        /// What happened.
        public var name: String
        /// When.
        public var at: Timestamp

        /// An event.
        public init(_ name: String, at: Timestamp) {
            self.name = name
            self.at = at
        }
    }

    /// What was done, as in `invoke_agent mastra`: few different names.
    public var name: String
    /// What part it plays.
    public var kind: Kind
    /// Its trace and its own name.
    public var context: TraceContext
    /// The span that it is part of; nil for the first one of a trace.
    public var parent: TraceContext.SpanID?
    /// What came as `tracestate`.
    public var state: String?
    /// When it began.
    public var start: Timestamp
    /// When it ended.
    public var end: Timestamp
    /// What else is to be said of it.
    public var attributes: [Attribute]
    /// What happened within it.
    public var events: [Event]
    /// Spans of other traces that it has to do with.
    public var links: [TraceContext]
    /// Why it failed; nil when it did not.
    public var error: String?

    /// A span.
    public init(
        _ name: String, kind: Kind, context: TraceContext, parent: TraceContext.SpanID?, state: String? = nil,
        from start: Timestamp, to end: Timestamp, attributes: [Attribute] = [], events: [Event] = [],
        links: [TraceContext] = [], error: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.context = context
        self.parent = parent
        self.state = state
        self.start = start
        self.end = end
        self.attributes = attributes
        self.events = events
        self.links = links
        self.error = error
    }
}
