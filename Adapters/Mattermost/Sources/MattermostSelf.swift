internal import BridgeCore
internal import Synchronization

/// What the adapter knows of its own account: outgoing webhooks tell of the bot's posts as of everybody's, without a mark,
/// and an answer to an answer would go on for ever.
///
/// The account's id comes with the first answer of the API. Until then a post of somebody else with the very words that we
/// are about to send to an asker, or sent, is taken for ours.
final class MattermostSelf: Sendable {
    private struct Sent {
        let channel: String
        let text: String
        let asker: String?
        let until: Timestamp
    }

    private struct State {
        var userID: String?
        var sent: [Sent] = []
    }

    private static let memory = Duration.seconds(60)
    private static let maximumCount = 64

    private let state = Mutex(State())

    /// The account's id is known from now on.
    func learn(_ userID: String) {
        state.withLock { state in
            state.userID = userID
            state.sent = []
        }
    }

    /// A text goes out.
    ///
    /// - Parameter asker: to whom it answers: when they say the same, it is not ours.
    func note(_ text: String, in channel: String, to asker: String?, at now: Timestamp) {
        state.withLock { state in
            guard state.userID == nil else { return }
            state.sent.removeAll { $0.until < now }
            if state.sent.count >= Self.maximumCount { state.sent.removeFirst() }
            state.sent.append(Sent(channel: channel, text: text, asker: asker, until: now.advanced(by: Self.memory)))
        }
    }

    /// Whether a post is one of ours.
    func wrote(_ text: String?, in channel: String, user: String?, at now: Timestamp) -> Bool {
        state.withLock { state in
            if let userID = state.userID { return user == userID }
            guard let text else { return false }
            return state.sent.contains {
                $0.channel == channel && $0.text == text && $0.asker != user && $0.until >= now
            }
        }
    }
}
