/// Decides whether the spans of a trace are kept: the samplers of the OpenTelemetry specification.
public struct TraceSampler: Sendable, Equatable {
    /// How a trace that begins here is decided on.
    public enum Root: Sendable, Equatable {
        /// All are kept.
        case always
        /// None is.
        case never
        /// This share of them, 0 to 1.
        case ratio(Double)
    }

    /// How a trace that begins here is decided on.
    public var root: Root
    /// Whether a caller's decision counts for a trace that begins elsewhere.
    public var isParentBased: Bool

    /// A sampler.
    public init(root: Root = .always, isParentBased: Bool = true) {
        self.root = root
        self.isParentBased = isParentBased
    }

    /// The sampler of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`; nil for a name that is not known or a share that is
    /// none.
    ///
    /// - Parameter argument: the share; 1 where it is nil.
    public init?(name: String, argument: String?) {
        switch name {
        case "always_on": self.init(root: .always, isParentBased: false)
        case "always_off": self.init(root: .never, isParentBased: false)
        case "parentbased_always_on": self.init(root: .always)
        case "parentbased_always_off": self.init(root: .never)
        case "traceidratio", "parentbased_traceidratio":
            guard let ratio = argument.map(Double.init) ?? 1, (0...1).contains(ratio) else { return nil }
            self.init(root: .ratio(ratio), isParentBased: name == "parentbased_traceidratio")
        default: return nil
        }
    }

    /// Whether the spans of a trace are kept.
    ///
    /// - Parameter parent: the caller's span; nil for a trace that begins here.
    public func keeps(_ trace: TraceContext.TraceID, parent: TraceContext?) -> Bool {
        if isParentBased, let parent { return parent.isSampled }
        switch root {
        case .always: return true
        case .never: return false
        case .ratio(let ratio):
            // By the trace's name, so that all services of one share keep the same traces: 63 bits, as the Go and Java SDKs do.
            return Double(trace.low >> 1) < ratio * 9_223_372_036_854_775_808
        }
    }
}
