import BridgeCore
import Testing

@testable import Bridge

struct ReplyRightTests {
    /// One question to the planner, asked so long after the event.
    struct Row: Sendable, CustomTestStringConvertible {
        let meaning: String
        let rules: Capabilities.ReplyRules
        var hasToken = true
        let after: Duration
        let plan: ReplyRight.Plan

        var testDescription: String { meaning }
    }

    private static let line = Capabilities.ReplyRules(token: .init(lifetime: .seconds(50), uses: 1))
    private static let window = Capabilities.ReplyRules(push: .within(.seconds(86_400)))
    private static let replyOnly = Capabilities.ReplyRules(token: .init(lifetime: .seconds(900)), push: .never)

    @Test(arguments: [
        Row(meaning: "no rules", rules: .init(), after: .seconds(1_000_000), plan: .send(.push)),
        Row(meaning: "a fresh token", rules: line, after: .seconds(49), plan: .send(.reply)),
        Row(meaning: "an old token", rules: line, after: .seconds(50), plan: .send(.push)),
        Row(meaning: "no token came", rules: line, hasToken: false, after: .zero, plan: .send(.push)),
        Row(meaning: "within the window", rules: window, after: .seconds(86_399), plan: .send(.push)),
        Row(meaning: "after the window", rules: window, after: .seconds(86_400), plan: .hold),
        Row(meaning: "a token and no push", rules: replyOnly, after: .seconds(899), plan: .send(.reply)),
        Row(meaning: "neither", rules: replyOnly, after: .seconds(900), plan: .hold),
    ])
    func `the planner picks reply, push or hold`(row: Row) {
        let now = ContinuousClock.now
        let right = ReplyRight(rules: row.rules, hasToken: row.hasToken, at: now)
        #expect(right.plan(at: now + row.after) == row.plan)
    }

    @Test func `a token is good for as many requests as the platform allows, and for none once refused`() {
        let now = ContinuousClock.now
        let rules = Capabilities.ReplyRules(token: .init(lifetime: .seconds(50), uses: 2))
        let right = ReplyRight(rules: rules, hasToken: true, at: now)
        right.countUse()
        #expect(right.plan(at: now) == .send(.reply))
        right.countUse()
        #expect(right.plan(at: now) == .send(.push))
        let refused = ReplyRight(rules: rules, hasToken: true, at: now)
        refused.giveUpToken()
        #expect(refused.plan(at: now) == .send(.push))
    }
}
