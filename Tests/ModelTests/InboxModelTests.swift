import Glibc
import Testing

struct InboxModelTests {
    /// What is looked at each time; with CHATBRIDGE_MODEL=long more.
    static let bounds: [InboxModel.Bounds] =
        [
            .init(faults: 1),
            .init(conversations: [0], faults: 2, inFlight: 1),
            .init(conversations: [0, 1], faults: 1, inFlight: 1),
            .init(conversations: [0, 0, 0], lapses: 0, retries: 0, faults: 1, inFlight: 1),
        ]
        + (isLong ? [.init(faults: 2, inFlight: 1), .init(conversations: [0], faults: 2)] : [])

    static let isLong = getenv("CHATBRIDGE_MODEL").map { String(cString: $0) } == "long"

    @Test(arguments: bounds)
    func `an acknowledged event is answered once, in its turn, whatever dies`(_ bounds: InboxModel.Bounds) {
        let report = ModelChecker(model: InboxModel(bounds: bounds)).check()
        print("inbox, \(bounds): \(report)")
        #expect(report.violation == nil, "\(report)")
        #expect(report.isComplete)
    }

    @Test(arguments: InboxMistake.allCases)
    func `the checker sees what comes of a mistake`(_ mistake: InboxMistake) {
        let report = ModelChecker(model: InboxModel(bounds: mistake.bounds, mistake: mistake)).check()
        #expect(report.violation != nil, "\(report)")
    }

    @Test func `an event that is acknowledged before its claim can be lost with that, as the page says of ACK=fast`() {
        let bounds = InboxModel.Bounds(conversations: [0], crashes: 0, lapses: 0, retries: 0, faults: 1)
        let report = ModelChecker(model: InboxModel(bounds: bounds, mistake: .acknowledgedBeforeClaim)).check()
        #expect(report.violation == "event 0 was acknowledged and is lost", "\(report)")
    }
}
