import EventLoop
import Testing

@testable import Journal

/// What every queue keeps.
@Suite struct JobQueueTests {
    @Test(arguments: QueueKind.available)
    func `jobs are claimed in the order they were pushed`(_ kind: QueueKind) async throws {
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                for start in stride(from: 0, to: 1_500, by: 300) { try await queue.push(jobs(start..<start + 300)) }
                var found: [String] = []
                while found.count < 1_500 {
                    let claim = try #require(try await queue.claim(limit: 700, linger: .zero, wait: .seconds(5)))
                    #expect(claim.jobs.count <= 700)
                    found += claim.jobs.map(text)
                    try await queue.finish(claim, dead: [], returned: [])
                }
                #expect(found == names(0..<1_500))
                #expect(try await queue.depth() == 0)
            }
        }
    }

    @Test(arguments: QueueKind.available)
    func `a claim of an empty queue comes back without jobs after its wait`(_ kind: QueueKind) async throws {
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                let start = ContinuousClock.now
                let claim = try await queue.claim(limit: 10, linger: .seconds(10), wait: .milliseconds(100))
                #expect(claim == nil)
                #expect(ContinuousClock.now - start >= .milliseconds(90))
            }
        }
    }

    @Test(arguments: QueueKind.available)
    func `a waiting claim is woken by the first job and lingers for more`(_ kind: QueueKind) async throws {
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                let pushing = loop.spawn {
                    try? await loop.sleep(for: .milliseconds(30))
                    try? await queue.push(jobs(0..<1))
                    try? await queue.push(jobs(1..<5))
                }
                let claim = try await queue.claim(limit: 100, linger: .milliseconds(300), wait: .seconds(20))
                #expect(claim?.jobs.map(text) == names(0..<5))
                await pushing.value
                try await queue.finish(try #require(claim), dead: [], returned: [])
            }
        }
    }

    @Test(arguments: QueueKind.available)
    func `half a batch is reason enough not to linger`(_ kind: QueueKind) async throws {
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                try await queue.push(jobs(0..<50))
                let start = ContinuousClock.now
                let claim = try await queue.claim(limit: 100, linger: .seconds(30), wait: .seconds(30))
                #expect(claim?.jobs.count == 50)
                #expect(ContinuousClock.now - start < .seconds(20))
                try await queue.finish(try #require(claim), dead: [], returned: [])
            }
        }
    }

    @Test(arguments: QueueKind.available)
    func `two claims are open at once and end in turn`(_ kind: QueueKind) async throws {
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                try await queue.push(jobs(0..<20))
                let first = try #require(try await queue.claim(limit: 10, linger: .zero, wait: .seconds(5)))
                let second = try #require(try await queue.claim(limit: 10, linger: .zero, wait: .seconds(5)))
                try await queue.finish(first, dead: [], returned: [])
                try await queue.finish(second, dead: [], returned: [])
                #expect(first.jobs.map(text) == names(0..<10))
                #expect(second.jobs.map(text) == names(10..<20))
                #expect(try await queue.depth() == 0)
            }
        }
    }

    @Test(arguments: QueueKind.available)
    func `dead letters are filed and jobs given back go behind the others`(_ kind: QueueKind) async throws {
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                try await queue.push(jobs(0..<5))
                let first = try #require(try await queue.claim(limit: 3, linger: .zero, wait: .seconds(5)))
                let returned = Array(first.jobs.prefix(2))
                try await queue.finish(first, dead: [bytes("dead")], returned: returned)
                #expect(try await queue.deadCount() == 1)
                #expect(try await queue.depth() == 4)
                let second = try #require(try await queue.claim(limit: 10, linger: .zero, wait: .seconds(5)))
                #expect(second.jobs.map(text) == ["job 3", "job 4", "job 0", "job 1"])
                try await queue.finish(second, dead: [], returned: [])
                #expect(try await queue.depth() == 0)
            }
        }
    }

    @Test(arguments: QueueKind.available)
    func `finishing a claim again changes nothing`(_ kind: QueueKind) async throws {
        // What is popped has no claim behind it: with brpop a second call would file a second time.
        guard kind != .brpop else { return }
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                try await queue.push(jobs(0..<10))
                let first = try #require(try await queue.claim(limit: 5, linger: .zero, wait: .seconds(5)))
                for _ in 0..<2 { try await queue.finish(first, dead: [bytes("d")], returned: [first.jobs[0]]) }
                #expect(try await queue.deadCount() == 1)
                #expect(try await queue.depth() == 6)
            }
        }
    }

    @Test(arguments: QueueKind.available)
    func `after its end a queue gives out nothing and still takes jobs`(_ kind: QueueKind) async throws {
        try await onLoop { loop in
            try await withQueue(kind, loop) { queue in
                try await queue.push(jobs(0..<1))
                await queue.retire()
                await #expect(throws: JobQueueError.self) {
                    try await queue.claim(limit: 1, linger: .zero, wait: .milliseconds(10))
                }
                try await queue.push(jobs(1..<2))
                #expect(try await queue.depth() == 2)
            }
        }
    }

    @Test func `a full queue in memory refuses a push as a whole`() async throws {
        try await onLoop { loop in
            let queue = MemoryJobQueue(loop: loop, maximumJobs: 10, maximumBytes: 1_000)
            try await queue.push(jobs(0..<8))
            let error = await #expect(throws: JobQueueError.self) { try await queue.push(jobs(8..<11)) }
            #expect(error?.code == .full)
            #expect(await queue.depth() == 8)
            try await queue.push(jobs(8..<10))
            await #expect(throws: JobQueueError.self) { try await queue.push([[UInt8](repeating: 0, count: 2_000)]) }
            // A job larger than the limit goes alone.
            #expect(await queue.takeAll().count == 10)
            try await queue.push([[UInt8](repeating: 0, count: 2_000)])
        }
    }
}
