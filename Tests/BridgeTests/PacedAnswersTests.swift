import BridgeCore
import BridgeTesting
import EventLoop
import HTTPClient
import HTTPCore
import HTTPServer
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Bridge

/// Streamed answers in a simulated clock, against the rates that the platforms publish.
struct PacedAnswersTests {
    /// A platform's rates as its adapter declares them, and as they are published.
    struct Platform: Sendable, CustomTestStringConvertible {
        let name: String
        let rates: Capabilities.Rates
        let editInterval: Duration
        /// At most so many requests in such a time to one chat.
        let chat: (count: Int, time: Duration)?
        /// And in all.
        let account: (count: Int, time: Duration)?

        var testDescription: String { name }
    }

    private static let platforms = [
        Platform(
            name: "telegram group",
            rates: .init(
                conversation: .init(burst: 3, interval: .milliseconds(3530)),
                overall: .init(atMost: 30, in: .seconds(1), burst: 10)),
            editInterval: .seconds(1), chat: (20, .seconds(60)), account: (30, .seconds(1))),
        Platform(
            name: "slack", rates: .init(conversation: .init(burst: 3, interval: .seconds(1))),
            editInterval: .milliseconds(1200), chat: (63, .seconds(60)), account: nil),
        Platform(
            name: "discord",
            rates: .init(
                conversation: .init(atMost: 5, in: .seconds(5), burst: 3),
                overall: .init(atMost: 50, in: .seconds(1), burst: 20)),
            editInterval: .milliseconds(1500), chat: (5, .seconds(5)), account: (50, .seconds(1))),
        Platform(
            name: "teams",
            rates: .init(
                conversation: .init(atMost: 60, in: .seconds(30), burst: 5),
                overall: .init(atMost: 30, in: .seconds(1), burst: 10)),
            editInterval: .milliseconds(2100), chat: (60, .seconds(30)), account: (30, .seconds(1))),
        Platform(
            name: "google chat", rates: .init(conversation: .init(burst: 1, interval: .seconds(1))),
            editInterval: .seconds(2), chat: (2, .seconds(1)), account: nil),
        Platform(
            name: "rocket.chat",
            rates: .init(overall: .init(atMost: 10, in: .seconds(60), burst: 4)),
            editInterval: .seconds(5), chat: nil, account: (10, .seconds(60))),
    ]

    @Test(arguments: platforms, [1, 100])
    func `a hundred streamed answers keep to the rates, and each arrives once`(platform: Platform, chats: Int)
        async throws
    {
        let server = try await FakePlatform()
        let calls = try await PacedAnswersTests.run(platform, chats: chats, server: server)
        let chats = Dictionary(grouping: calls, by: \.chat).values
        if let chat = platform.chat {
            for calls in chats { #expect(PacedAnswersTests.most(of: calls, in: chat.time) <= chat.count) }
        }
        if let account = platform.account {
            #expect(PacedAnswersTests.most(of: calls, in: account.time) <= account.count)
        }
        // What stands in the messages in the end, by what the fake was told.
        var messages: [String: String] = [:]
        for (number, call) in server.all.enumerated() {
            messages[call.message ?? "m\(number)"] = call.text
        }
        #expect(messages.values.sorted() == (0..<100).map(PacedAnswersTests.text).sorted())
    }

    @Test func `while the platform asks for patience nobody writes, and then each answer arrives`() async throws {
        let server = try await FakePlatform { _, number in number % 7 == 3 ? FakePlatform.tooFast(after: 9) : nil }
        let platform = Platform(
            name: "strict", rates: .init(conversation: .init(burst: 2, interval: .seconds(1))),
            editInterval: .seconds(1), chat: nil, account: nil)
        let calls = try await PacedAnswersTests.run(platform, answers: 20, chats: 20, server: server)
        let refused = calls.filter(\.isRefused)
        #expect(refused.count == server.all.count / 7 + (server.all.count % 7 > 3 ? 1 : 0))
        for call in refused {
            let later = calls.first { $0.chat == call.chat && $0.at > call.at }
            #expect(later.map { call.at.duration(to: $0.at) >= .seconds(9) } ?? true)
        }
        let whole = server.all.enumerated().filter { $0.offset % 7 != 3 }
        for number in 0..<20 {
            let last = whole.last { $0.element.conversation == "c\(number)" }
            #expect(last?.element.text == PacedAnswersTests.text(number))
        }
    }

    @Test func `while the platform has no ear for the whole bot, nobody writes to any conversation`() async throws {
        let server = try await FakePlatform { _, number in
            guard number % 11 == 5 else { return nil }
            var response = FakePlatform.tooFast(after: 9)
            response.headers["X-RateLimit-Global"] = "true"
            return response
        }
        let platform = Platform(
            name: "strict", rates: .init(conversation: .init(burst: 2, interval: .seconds(1))),
            editInterval: .seconds(1), chat: nil, account: nil)
        let calls = try await PacedAnswersTests.run(platform, answers: 20, chats: 20, server: server)
        #expect(calls.count > 11)
        for (number, call) in calls.enumerated() where number % 11 == 5 {
            // What is on its way at the same time cannot be called back.
            let later = calls[(number + 1)...].first { $0.at > call.at }
            #expect(later.map { call.at.duration(to: $0.at) >= .seconds(9) } ?? true)
        }
        let whole = server.all.enumerated().filter { $0.offset % 11 != 5 }
        for number in 0..<20 {
            let last = whole.last { $0.element.conversation == "c\(number)" }
            #expect(last?.element.text == PacedAnswersTests.text(number))
        }
    }

    private static func text(_ number: Int) -> String {
        (0..<12).map { "answer\(number)word\($0)" }.joined(separator: " ")
    }

    private static func most(of calls: [TimedAdapter.Call], in time: Duration) -> Int {
        let times = calls.map(\.at).sorted()
        var first = 0
        var most = 0
        for index in times.indices {
            while times[first].duration(to: times[index]) >= time { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }

    private static func run(
        _ platform: Platform, answers: Int = 100, chats: Int, server: FakePlatform
    ) async throws -> [TimedAdapter.Call] {
        try await onLoop { loop in
            let clock = SimulatedClock(loop)
            let adapter = TimedAdapter(
                server.adapter(editInterval: platform.editInterval, rates: platform.rates), clock: clock)
            let outbox = Outbox(
                loop: loop, adapter: adapter, rates: platform.rates, client: HTTPClient(loop: loop),
                states: MemoryStates(), metrics: PlatformMetrics(Metrics(), platform: adapter.platform), log: .silent,
                clock: clock)
            let finished = Mutex(0)
            for number in 0..<answers {
                let address = ReplyAddress(event("\(number)", in: "c\(number % chats)"))
                let reply = StreamedReply(outbox: outbox, address: address, interval: platform.editInterval)
                loop.spawn {
                    let words = PacedAnswersTests.text(number).split(separator: " ")
                    for (index, word) in words.enumerated() {
                        await reply.append((index == 0 ? "" : " ") + word)
                        try? await clock.sleep(until: clock.now() + .milliseconds(400 + number % 10 * 37))
                    }
                    let delivery = await reply.finish(with: PacedAnswersTests.text(number))
                    #expect(delivery.failure == nil && delivery.parts == 1)
                    finished.withLock { $0 += 1 }
                }
            }
            try await clock.run(
                whileBusy: { adapter.isWaiting }, until: { finished.withLock { $0 } == answers })
            return adapter.calls
        }
    }
}

/// The plain platform's adapter, which notes the simulated time of each request, and whether one is on its way.
final class TimedAdapter: Adapter {
    struct Call: Sendable {
        let chat: ConversationID
        let at: ContinuousClock.Instant
        /// Whether the platform asked for patience.
        var isRefused = false
    }

    private let plain: PlainAdapter
    private let clock: SimulatedClock
    private let log = Mutex<(calls: [Call], answered: Int)>(([], 0))

    init(_ plain: PlainAdapter, clock: SimulatedClock) {
        self.plain = plain
        self.clock = clock
    }

    var calls: [Call] { log.withLock { $0.calls } }
    var isWaiting: Bool { log.withLock { $0.calls.count > $0.answered } }
    var platform: PlatformName { plain.platform }
    var capabilities: Capabilities { plain.capabilities }

    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        try plain.receive(request, at: now)
    }

    func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        log.withLock { $0.calls.append(Call(chat: action.place.conversation, at: clock.now())) }
        return plain.encode(action, at: now)
    }

    func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let result = plain.interpret(response, to: action)
        log.withLock { log in
            log.answered += 1
            guard case .failed(let failure) = result, failure.isRateLimit else { return }
            // The server counts in the order of arrival, which need not be ours.
            let index = log.calls.lastIndex { $0.chat == action.place.conversation && !$0.isRefused }
            if let index { log.calls[index].isRefused = true }
        }
        return result
    }
}
