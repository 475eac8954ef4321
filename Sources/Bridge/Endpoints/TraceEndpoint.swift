internal import BridgeCore
internal import HTTPCore
public import HTTPServer
internal import JSON

/// `GET /api/trace`: where a question is that this process has in work, for `chatbridge trace`.
///
/// `?id=UUID`, or `?platform=NAME&message=ID` with the platform's own name of the message. Nothing of the message itself is told.
public struct TraceEndpoint: Sendable {
    private let bridge: Bridge
    private let access: APIAccess

    /// The endpoint of this engine.
    ///
    /// - Parameter access: who may ask.
    public init(bridge: Bridge, access: APIAccess) {
        self.bridge = bridge
        self.access = access
    }

    /// Answers 200 with `{"id","platform","conversation","place","detail","timings"}`, or 404 for what is not in work here.
    ///
    /// Call it on the engine's loop.
    public func respond(to request: HTTPRequest) -> HTTPResult {
        if let refusal = access.refusal(of: request, to: "trace") { return .now(refusal) }
        let id = request.queryValue("id").flatMap { UUID($0) }
        let platform = request.queryValue("platform").map { PlatformName($0) }
        let message = request.queryValue("message")
        guard id != nil || platform != nil && message != nil else {
            return .now(
                .error(.badRequest, code: "malformed", message: "?id=UUID or ?platform=NAME&message=ID is expected."))
        }
        let isWanted: @Sendable (UUID, PlatformName, InboundEvent) -> Bool = { known, name, event in
            if let id { return known == id }
            return name == platform && (event.messageID?.rawValue == message || event.id.rawValue == message)
        }
        if let found = bridge.assumeIsolated({ $0.whereabouts(isWanted) }) { return .now(TraceEndpoint.tell(found)) }
        return .later {
            if let found = await bridge.whereaboutsElsewhere(isWanted) { return TraceEndpoint.tell(found) }
            return .error(.notFound, code: "not_in_work", message: "No such message is in work here.")
        }
    }

    private static func tell(_ found: Bridge.Whereabouts) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object { object in
            object.field("id", found.id)
            object.field("platform", found.platform.rawValue)
            object.field("conversation", found.conversation)
            object.field("place", found.place)
            object.field("detail", found.detail)
            object.rawField("timings", found.timings)
        }
        return .json(writer.bytes)
    }
}
