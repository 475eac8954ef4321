internal import BridgeCore

/// What the doing of one action needs from its first attempt to its last.
///
/// A class, for the same reason as ``AnswerInWork``: the functions that wait for the platform hold a reference in their frames.
// Belongs to the engine's loop.
final class ActionInWork {
    /// What is done, as it is tried next.
    var action: OutboundAction
    let address: ReplyAddress
    /// Newer words will follow.
    let isUpdate: Bool
    /// When it was begun.
    let start: ContinuousClock.Instant
    /// Attempts that were made, but for those after which another way was taken.
    var attempts = 0
    /// Other ways that were taken.
    var detours = 0
    /// Whether an attempt may have succeeded unheard.
    var mayHaveArrived = false
    /// Whether such an attempt has used a token that works once.
    var isReplyLost = false
    /// What became of the latest attempt.
    var attempt = Outbox.Attempt.done(.failed(untried))
    /// What is known so far of the whole.
    var result = DeliveryResult.failed(untried)

    private static let untried = DeliveryFailure(.temporary, reason: "it was not tried")

    init(
        _ action: OutboundAction, to address: ReplyAddress, isUpdate: Bool = false, since start: ContinuousClock.Instant
    ) {
        self.action = action
        self.address = address
        self.isUpdate = isUpdate
        self.start = start
    }
}
