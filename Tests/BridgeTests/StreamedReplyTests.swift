import BridgeCore
import EventLoop
import HTTPCore
import HTTPServer
import TestSupport
import Testing

@testable import Bridge

struct StreamedReplyTests {
    private static let pieces = (1...14).map { "word\($0) " }
    private static let whole = pieces.joined()
    private static let interval = Duration.milliseconds(300)

    /// Lets an agent speak for some 1.7 s and returns what the engine logged.
    private func stream(
        _ platform: FakePlatform, limit: Int = 4096, pieces: [String] = StreamedReplyTests.pieces, isCut: Bool = false,
        isStreaming: Bool = true, rates: Capabilities.Rates = .init()
    ) async throws -> [LogJob] {
        let agent = try await FakeAgent { _ in .speaks(pieces, every: .milliseconds(110), isCut: isCut) }
        let adapter = platform.adapter(limit: limit, editInterval: StreamedReplyTests.interval, rates: rates)
        return try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent) {
                $0.errorReply = "sorry"
                $0.isStreaming = isStreaming
            }
            #expect(engine.take(event("1", "q")))
            #expect(await engine.finish() == 0)
            return try await engine.jobs()
        }
    }

    @Test func `the answer grows in one message, no faster than the platform allows, and ends whole`() async throws {
        let platform = try await FakePlatform()
        let jobs = try await stream(platform)
        let calls = platform.all
        #expect(calls.first?.path == "/send" && platform.texts.count == 1)
        #expect(calls.count >= 4 && calls.dropFirst().allSatisfy { $0.path == "/edit" && $0.message == "m0" })
        #expect(calls.allSatisfy { StreamedReplyTests.whole.hasPrefix($0.text ?? "-") })
        #expect(calls.last?.text == StreamedReplyTests.whole)
        #expect(calls.filter { $0.text == StreamedReplyTests.whole }.count == 1)
        // The last edit comes with the end of the answer, whenever that is.
        for (earlier, later) in zip(calls, calls.dropFirst().dropLast()) {
            #expect(earlier.at.duration(to: later.at) >= StreamedReplyTests.interval)
        }
        #expect(jobs.map(\.story) == ["in q", "out \(StreamedReplyTests.whole)"])
        #expect(jobs.last?.metadata.contains(#""message_id":"m0""#) == true)
    }

    @Test func `an answer that is quickly there is one message`() async throws {
        let platform = try await FakePlatform()
        _ = try await stream(platform, pieces: ["quick"])
        #expect(platform.story == ["send quick"])
    }

    @Test func `without streaming the answer is sent once`() async throws {
        let platform = try await FakePlatform()
        _ = try await stream(platform, isStreaming: false)
        #expect(platform.story == ["send \(StreamedReplyTests.whole)"])
    }

    @Test func `what is over the limit goes on in further messages`() async throws {
        let platform = try await FakePlatform()
        let jobs = try await stream(platform, limit: 40)
        #expect(platform.all.allSatisfy { ($0.text ?? "").utf16.count <= 40 })
        let last = platform.all.last { $0.path == "/edit" || $0.text == platform.texts.first }
        let final = [last?.text ?? ""] + platform.texts.dropFirst()
        let words = final.joined(separator: " ").split(separator: " ")
        #expect(words == StreamedReplyTests.whole.split(separator: " "))
        #expect(jobs.last?.metadata.contains("message_ids") == true)
    }

    @Test func `an answer whose message is gone is sent anew, once`() async throws {
        let platform = try await FakePlatform { call, _ in
            call.path == "/edit" ? FakePlatform.refusal("gone") : nil
        }
        let jobs = try await stream(platform)
        #expect(platform.texts.count == 2 && platform.texts.last == StreamedReplyTests.whole)
        #expect(jobs.map(\.story) == ["in q", "out \(StreamedReplyTests.whole)"])
    }

    @Test func `what a message that cannot be edited does not show follows it, and nothing is read twice`() async throws
    {
        let platform = try await FakePlatform { call, _ in
            call.path == "/edit" ? FakePlatform.refusal("too old to be edited") : nil
        }
        let jobs = try await stream(platform)
        let words = platform.texts.joined(separator: " ").split(separator: " ")
        #expect(platform.texts.count == 2 && words == StreamedReplyTests.whole.split(separator: " "))
        #expect(jobs.map(\.story) == ["in q", "out \(StreamedReplyTests.whole)"])
        #expect(jobs.last?.metadata.contains("message_ids") == true)
    }

    @Test func `an update that the platform does not take yet is left out for newer words`() async throws {
        let platform = try await FakePlatform { _, number in number == 1 ? FakePlatform.tooFast(after: 0.6) : nil }
        _ = try await stream(platform)
        let calls = platform.all
        let refused = try #require(calls.dropFirst().first?.text)
        #expect(calls.dropFirst(2).allSatisfy { $0.text != refused })
        #expect(Set(calls.map(\.action)).count == calls.count)
        #expect(calls.last?.text == StreamedReplyTests.whole)
    }

    @Test func `when the agent fails midway, what was shown stays and the error reply follows`() async throws {
        let platform = try await FakePlatform()
        let jobs = try await stream(platform, isCut: true)
        #expect(platform.texts.count == 2 && platform.texts.last == "sorry")
        #expect(platform.all.last?.path == "/send")
        let shown = platform.all.dropLast().last?.text ?? "-"
        #expect(StreamedReplyTests.whole.hasPrefix(shown))
        #expect(jobs.map(\.story) == ["in q", "failed", "out \(shown)", "out sorry"])
        #expect(jobs[2].metadata.contains(#""partial":true"#))
    }

    @Test func `a 429 for an edit is obeyed, and the answer ends whole`() async throws {
        let platform = try await FakePlatform { _, number in number == 1 ? FakePlatform.tooFast(after: 0.8) : nil }
        _ = try await stream(platform)
        let calls = platform.all
        #expect(calls[1].path == "/edit" && calls[1].at.duration(to: calls[2].at) >= .milliseconds(800))
        #expect(calls.last?.text == StreamedReplyTests.whole && platform.texts.count == 1)
    }

    @Test func `a platform that names no message is told the rest at the end`() async throws {
        let platform = try await FakePlatform(namesMessages: false)
        let jobs = try await stream(platform)
        #expect(
            platform.all.count == 2
                && platform.texts.joined(separator: " ").split(separator: " ")
                    == StreamedReplyTests.whole.split(separator: " ")
        )
        #expect(jobs.map(\.story) == ["in q", "out \(StreamedReplyTests.whole)"])
    }

    @Test func `a first message that fails for a while costs nothing of the answer`() async throws {
        let platform = try await FakePlatform { _, number in
            number < 2 ? FakePlatform.refusal("busy", status: 500) : nil
        }
        _ = try await stream(platform)
        #expect(platform.all.last?.text == StreamedReplyTests.whole)
        #expect(Set(platform.all("/send").map(\.action)).count == 1)
    }

    @Test(arguments: [(1, ["/send"]), (2, ["/send", "/edit"]), (3, ["/send", "/edit", "/edit"])])
    func `updates take no room that the final text needs`(burst: Int, paths: [String]) async throws {
        let platform = try await FakePlatform()
        // Whoever has to wait here waits for a minute.
        let rates = Capabilities.Rates(conversation: .init(burst: burst, interval: .seconds(60)))
        let start = ContinuousClock.now
        _ = try await stream(platform, rates: rates)
        #expect(platform.all.map(\.path) == paths && platform.all.last?.text == StreamedReplyTests.whole)
        #expect(start.duration(to: .now) < .seconds(50))
    }

    @Test func `who blocked us is not written to again`() async throws {
        let platform = try await FakePlatform { _, _ in FakePlatform.refusal("blocked") }
        let jobs = try await stream(platform)
        #expect(platform.all.count == 1 && jobs.last?.story == "out! \(StreamedReplyTests.whole)")
    }
}

struct TypingTests {
    private func answer(
        after silence: Duration, delay: Duration?, rates: Capabilities.Rates = .init()
    ) async throws -> (platform: FakePlatform, start: ContinuousClock.Instant) {
        let platform = try await FakePlatform()
        let agent = try await FakeAgent { _ in
            try? await Task.sleep(for: silence)
            return .says("done")
        }
        let adapter = platform.adapter(typingInterval: .milliseconds(200), rates: rates)
        let start = ContinuousClock.now
        try await onLoop { loop in
            let engine = Engine(loop, adapters: [adapter], agent: agent.agent) { $0.typingDelay = delay }
            #expect(engine.take(event("1")))
            #expect(await engine.finish(within: .seconds(20)) == 0)
            // Two intervals more: the timer would fire in this time if it were still there.
            try await loop.sleep(for: .milliseconds(450))
        }
        return (platform, start)
    }

    @Test func `the indicator is shown after the delay, again before it fades, and not after the answer`()
        async throws
    {
        let (platform, start) = try await answer(after: .milliseconds(900), delay: .milliseconds(150))
        let typing = platform.all("/typing")
        #expect(typing.count >= 2 && platform.story.last == "send done")
        // Some milliseconds of room, since the loop's clock is a coarse one.
        for (number, call) in typing.enumerated() {
            #expect(start.duration(to: call.at) >= .milliseconds(140 + 190 * number))
        }
    }

    @Test func `it is never shown when turned off, and not for an agent that is quick`() async throws {
        let off = try await answer(after: .milliseconds(500), delay: nil)
        #expect(off.platform.story == ["send done"])
        let quick = try await answer(after: .zero, delay: .seconds(5))
        #expect(quick.platform.story == ["send done"])
    }

    @Test(arguments: [(1, ["send done"]), (2, ["typing", "send done"])])
    func `it takes no room that the answer needs`(burst: Int, story: [String]) async throws {
        // Whoever has to wait here waits for a minute, and the answer is given up.
        let rates = Capabilities.Rates(conversation: .init(burst: burst, interval: .seconds(60)))
        let (platform, _) = try await answer(after: .milliseconds(700), delay: .milliseconds(50), rates: rates)
        #expect(platform.story == story)
    }
}
