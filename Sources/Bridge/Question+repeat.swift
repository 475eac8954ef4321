internal import BridgeCore

extension Question {
    /// Whether its whole answer can be sent again without being shown twice, whatever of it has arrived.
    ///
    /// So it is where each message bears a name. Where the first ones may have gone by what came with the event (a reply token, the
    /// right to answer an interaction), those have to bear one as well.
    var canRepeatAnswer: Bool {
        let capabilities = platform.capabilities
        guard capabilities.hasIdempotentSends else { return false }
        guard capabilities.replies.token != nil, !event.replyContext.isEmpty else { return true }
        return (0...1).allSatisfy { part in
            platform.adapter.canRepeat(
                OutboundAction(
                    id: id, kind: .send(text: "", format: .plain), place: event.place, means: .reply, part: part,
                    replyTo: event.messageID, replyContext: event.replyContext))
        }
    }
}
