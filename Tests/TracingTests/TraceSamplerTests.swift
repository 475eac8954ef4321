import Testing

@testable import Tracing

struct TraceSamplerTests {
    private static func parent(isSampled: Bool) throws -> TraceContext {
        try #require(
            TraceContext(
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\(isSampled ? 1 : 0)"))
    }

    @Test(
        arguments: [
            // name, share, then: a new trace, under a caller that keeps it, under one that does not
            ("always_on", nil, true, true, true), ("always_off", nil, false, false, false),
            ("parentbased_always_on", nil, true, true, false), ("parentbased_always_off", nil, false, true, false),
            ("traceidratio", "1", true, true, true), ("traceidratio", "0", false, false, false),
            ("traceidratio", nil, true, true, true), ("parentbased_traceidratio", "0", false, true, false),
        ] as [(String, String?, Bool, Bool, Bool)])
    func `the samplers of the specification decide as it says`(
        name: String, share: String?, fresh: Bool, kept: Bool, unkept: Bool
    ) throws {
        let sampler = try #require(TraceSampler(name: name, argument: share))
        var identifiers = TraceIdentifiers()
        for _ in 0..<50 {
            let trace = identifiers.nextTrace()
            #expect(sampler.keeps(trace, parent: nil) == fresh)
            #expect(sampler.keeps(trace, parent: try Self.parent(isSampled: true)) == kept)
            #expect(sampler.keeps(trace, parent: try Self.parent(isSampled: false)) == unkept)
        }
    }

    @Test func `a share is kept by the trace's name alone`() throws {
        let (quarter, half) = (TraceSampler(root: .ratio(0.25)), TraceSampler(root: .ratio(0.5)))
        var identifiers = TraceIdentifiers()
        let traces = (0..<20_000).map { _ in identifiers.nextTrace() }
        let kept = traces.filter { quarter.keeps($0, parent: nil) }
        // Six standard deviations of a fair coin of that share.
        #expect((4632...5368).contains(kept.count), "\(kept.count)")
        #expect(kept.allSatisfy { half.keeps($0, parent: nil) }, "who keeps more keeps the same ones")
    }

    @Test(arguments: ["sometimes", "", "jaeger_remote"])
    func `a name that is not known is none`(name: String) {
        #expect(TraceSampler(name: name, argument: nil) == nil)
    }

    @Test(arguments: ["1.5", "-1", "half", ""])
    func `a share that is none is refused`(share: String) {
        #expect(TraceSampler(name: "traceidratio", argument: share) == nil)
    }
}
