import Testing

/// A mistake that somebody could make in the protocol of the inbox; the checker must see what comes of it.
enum InboxMistake: String, CaseIterable, Sendable, CustomTestStringConvertible {
    // In the scripts.
    case settleWithoutSession, claimWithoutSession, takeOverWithoutSession, noSessions
    case markBeforeClaim, claimWithoutPayload, forwardedWithoutMail, laneFreeTooEarly
    case takeOverWithoutLook, takeOverForgetsBegun
    // In a bridge.
    case acknowledgedBeforeClaim, laneNotKept, verdictBeforeMail, beginNotAwaited, doubtSentAgain
    case workBeforeReconcile, reconcileForgets

    var testDescription: String { rawValue }

    /// As little as it takes to show it, so that it is found soon.
    var bounds: InboxModel.Bounds {
        switch self {
        case .forwardedWithoutMail: .init(faults: 0, inFlight: 1)
        case .laneFreeTooEarly: .init(conversations: [0, 0, 0], faults: 0, inFlight: 1)
        case .verdictBeforeMail: .init(conversations: [0, 0, 0], faults: 0)
        case .settleWithoutSession, .takeOverWithoutLook, .takeOverForgetsBegun, .beginNotAwaited, .doubtSentAgain:
            .init(crashes: 0, losses: 0, retries: 0, faults: 1)
        default: .init()
        }
    }
}
