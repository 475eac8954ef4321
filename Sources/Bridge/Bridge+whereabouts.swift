internal import BridgeCore

extension Bridge {
    /// How far a question has come that is in work here.
    struct Whereabouts: Sendable {
        let id: UUID
        let platform: PlatformName
        let conversation: String
        /// `inbox`: it waits for its turn; `agent`; `outbox`: its answer is on its way.
        let place: String
        /// The same in words.
        let detail: String
        /// See ``Question/timings``.
        let timings: [UInt8]
    }

    /// Where a question is that is in work here; nil for any other.
    ///
    /// - Parameter isWanted: by our id, and by the platform and its own name of the message.
    func whereabouts(_ isWanted: (UUID, PlatformName, InboundEvent) -> Bool) -> Whereabouts? {
        for lane in lanes.values {
            for (ahead, question) in ([lane.current].compactMap { $0 } + lane.waiting).enumerated() {
                for part in question.earlier + [question]
                where isWanted(part.id, part.platform.name, part.event) {
                    return whereabouts(of: part, with: question, ahead: ahead)
                }
            }
        }
        return nil
    }

    /// The same of the other engines of this process.
    func whereaboutsElsewhere(
        _ isWanted: @Sendable (UUID, PlatformName, InboundEvent) -> Bool
    ) async -> Whereabouts? {
        for bridge in group?.bridges ?? [] where bridge !== self {
            if let found = await bridge.whereabouts(isWanted) { return found }
        }
        return nil
    }

    /// - Parameter question: what it is answered with: itself, or the later one that it was joined to.
    private func whereabouts(of part: Question, with question: Question, ahead: Int) -> Whereabouts {
        let (place, detail) =
            switch question.stage {
            case .waiting: ("inbox", ahead == 0 ? "its turn comes now" : "waits for its turn, \(ahead) before it")
            case .asking: ("agent", "the agent is asked, nothing is shown yet")
            case .showing: ("agent", "the agent is speaking, and the user sees its first words")
            case .delivering: ("outbox", "the answer is whole and on its way to the platform")
            }
        return Whereabouts(
            id: part.id, platform: part.platform.name, conversation: part.event.place.conversation.rawValue,
            place: place, detail: detail, timings: question.timings)
    }
}
