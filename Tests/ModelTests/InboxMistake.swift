import Testing

/// A mistake that somebody could make in the protocol of the inbox; the checker must see what comes of it.
enum InboxMistake: String, CaseIterable, Sendable, CustomTestStringConvertible {
    // In the scripts.
    case settleWithoutOwner, claimWithoutSession, takeOverWithoutSession, noSessions, claimWithoutLease
    case markBeforeClaim, claimWithoutPayload, laneFreeTooEarly
    case takeOverWithoutLook, takeOverForgetsBegun
    // In a bridge.
    case acknowledgedBeforeClaim, laneNotKept, verdictBeforeMail, beginNotAwaited, doubtSentAgain
    case claimBeforeAudit, mailBeforeAudit, auditForgets

    var testDescription: String { rawValue }

    /// As little as it takes to show it, so that it is found soon.
    var bounds: InboxModel.Bounds {
        switch self {
        case .laneFreeTooEarly: .init(conversations: [0, 0, 0], faults: 0, inFlight: 1)
        case .verdictBeforeMail: .init(conversations: [0, 0, 0], faults: 0)
        case .settleWithoutOwner, .takeOverWithoutLook, .takeOverForgetsBegun, .beginNotAwaited, .doubtSentAgain:
            .init(crashes: 0, losses: 0, retries: 0, faults: 1)
        case .takeOverWithoutSession: .init(crashes: 0, retries: 0, faults: 2, inFlight: 1)
        case .claimWithoutLease: .init(lapses: 0, retries: 0, faults: 2, inFlight: 1)
        case .noSessions, .auditForgets: .init(crashes: 0, lapses: 0, retries: 0, faults: 1, inFlight: 1)
        default: .init(faults: 1)
        }
    }
}
