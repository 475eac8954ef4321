import Testing

struct LogModelTests {
    /// What is looked at each time; with CHATBRIDGE_MODEL=long more.
    static let bounds: [LogModel.Bounds] =
        [
            .init(losses: 2, repeats: 1, faults: 2),
            .init(jobs: 2, limit: 1, crashes: 2, losses: 2, faults: 2),
            .init(jobs: 3, limit: 1, faults: 1),
        ] + (InboxModelTests.isLong ? [.init(jobs: 2, limit: 1, crashes: 2, losses: 2, faults: 3)] : [])

    @Test(arguments: bounds)
    func `every job is committed, whatever dies`(_ bounds: LogModel.Bounds) {
        let report = ModelChecker(model: LogModel(bounds: bounds)).check()
        print("log, \(bounds): \(report)")
        #expect(report.violation == nil, "\(report)")
        #expect(report.isComplete)
    }

    @Test(arguments: LogMistake.allCases.filter { $0 != .brpop })
    func `the checker sees what comes of a mistake`(_ mistake: LogMistake) {
        let report = ModelChecker(model: LogModel(mistake: mistake)).check()
        #expect(report.violation != nil, "\(report)")
    }

    /// Found by this model: RedisJobQueue went on with a list whose BLMOVE had failed, and the server executed it after all.
    @Test func `a list whose command went unanswered and is claimed from again loses a job, by one fault`() {
        let bounds = LogModel.Bounds(crashes: 0, lapses: 0, fills: 0, faults: 1)
        let report = ModelChecker(model: LogModel(bounds: bounds, mistake: .placeUsedAgain)).check()
        #expect(report.violation == "job 2 is lost", "\(report)")
        #expect(report.trace.count == 5, "\(report)")
    }

    @Test func `popped jobs die with their logger, as the page says of LOG_CLAIM=brpop`() {
        let bounds = LogModel.Bounds(lapses: 0, losses: 0, fills: 0, faults: 1)
        let report = ModelChecker(model: LogModel(bounds: bounds, mistake: .brpop)).check()
        #expect(report.violation == "job 0 is lost", "\(report)")
        // And nothing else takes any.
        let safe = ModelChecker(model: LogModel(bounds: .init(faults: 0), mistake: .brpop)).check()
        #expect(safe.violation == nil, "\(safe)")
    }
}
