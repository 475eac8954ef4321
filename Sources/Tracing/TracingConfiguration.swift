public import HTTPCore

/// Which traces are kept, where they go, and how much of them may wait.
public struct TracingConfiguration: Sendable {
    /// Where spans are sent by OTLP/HTTP, as in `http://localhost:4318/v1/traces`; nil: nowhere.
    public var endpoint: String?
    /// Further header fields of that request, as for a token.
    public var headers = HTTPFields()
    /// Time for one such request.
    public var timeout = Duration.seconds(10)
    /// Which traces are kept.
    public var sampler = TraceSampler()
    /// What is said of this process: `service.name` and the like.
    public var resource: [Span.Attribute] = []
    /// The version of the program, as the scope of its spans.
    public var version = ""
    /// How many spans wait at most; what comes beyond is dropped and counted.
    public var queueSize = 2048
    /// How many are sent at a time.
    public var batchSize = 512
    /// How long the first of a batch waits for others.
    public var delay = Duration.seconds(5)
    /// The first pause before a batch is sent again; it doubles, with chance in it.
    public var firstPause = Duration.seconds(1)
    /// How often a batch is sent before it is dropped.
    public var attempts = 5

    /// The defaults of the OpenTelemetry specification, with no endpoint.
    public init() {}
}
