internal import BridgeCore
internal import HTTPCore
public import HTTPServer
internal import JSON

/// `POST /api/dead/retry`: answers the event of a dead letter, for `chatbridge dead retry` where this process owns the dead letters.
///
/// The body is the letter; the response comes when its user has the answer, so that the letter is kept until then.
public struct RevivalEndpoint: Sendable {
    private let bridge: Bridge
    private let access: APIAccess

    /// The endpoint of this engine.
    ///
    /// - Parameter access: who may ask.
    public init(bridge: Bridge, access: APIAccess) {
        self.bridge = bridge
        self.access = access
    }

    /// Answers 200 once the user has the answer, 502 where there is none, 422 for a letter that cannot be read here.
    ///
    /// Call it on the engine's loop.
    public func respond(to request: HTTPRequest) -> HTTPResult {
        if let refusal = access.refusal(of: request, to: "do this") { return .now(refusal) }
        guard let letter = DeadDelivery(letter: request.body), let question = letter.question else {
            return .now(
                .error(.init(422), code: "unreadable", message: "This is no dead letter that can be read here."))
        }
        let listener = ReplyListener(isStreaming: false)
        return .later {
            let owner = await bridge.group?.owner(of: question.event.place, on: question.platform) ?? bridge
            if let refusal = await owner.revive(letter.id, question, listener: listener) { return refusal }
            for await news in listener.news {
                switch news {
                case .text: continue
                case .done:
                    var writer = JSONWriter()
                    writer.object { $0.field("answered", true) }
                    return .json(writer.bytes)
                case .failed(let failure):
                    return .error(
                        .init(502), code: "agent_\(failure.kind.rawValue)", message: failure.description)
                }
            }
            return .error(.serviceUnavailable, code: "stopping", message: "The bridge is stopping.")
        }
    }
}

extension Bridge {
    /// Answers an event once more that became a dead letter.
    ///
    /// - Returns: why it cannot be.
    fileprivate func revive(_ id: UUID, _ kept: KeptQuestion, listener: ReplyListener) -> HTTPResponse? {
        guard let platform = platforms[kept.platform] else {
            return .error(
                .init(422), code: "platform_not_configured", message: "\(kept.platform) is not configured here.")
        }
        guard isAccepting else {
            return .error(.serviceUnavailable, code: "overloaded", message: "Too much is in work.")
        }
        guard listeners[id] == nil else {
            return .error(.init(409), code: "in_work", message: "It is being answered already.")
        }
        listeners[id] = listener
        enqueue(Question(id: id, event: kept.event, platform: platform, takenAt: .now, keeping: .here))
        return nil
    }
}
