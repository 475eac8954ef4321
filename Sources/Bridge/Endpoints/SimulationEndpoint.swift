internal import BridgeCore
internal import Crypto
internal import HTTPCore
public import HTTPServer
internal import JSON
internal import Tracing

/// `POST /api/simulate/{platform}`: a webhook as the platform would send it, whose answer comes back here with its times.
///
/// Verification, engine, agent and log are the real ones; only the delivery to the platform is left out, since a made-up chat
/// has no user. For `chatbridge simulate`.
public struct SimulationEndpoint: Sendable {
    /// What bears the `Authorization` of the webhook, since that of the request is the caller's.
    public static let authorizationField = "Webhook-Authorization"

    private let bridge: Bridge
    private let access: APIAccess

    /// The endpoint of this engine.
    public init(bridge: Bridge, access: APIAccess) {
        self.bridge = bridge
        self.access = access
    }

    /// Answers one request.
    ///
    /// Call it on the engine's loop.
    public func respond(to request: HTTPRequest, platform name: String) -> HTTPResult {
        if let refusal = access.refusal(of: request, to: "simulate") { return .now(refusal) }
        let start = ContinuousClock.now
        let listener = ReplyListener(isStreaming: true, isDiverting: true)
        let taken = take(request, platform: PlatformName(name), listener: listener)
        switch taken {
        case .failure(let refusal): return .now(refusal.response)
        case .success(let event):
            let verified = start.duration(to: .now)
            guard event?.disposition == .answer else {
                return .now(report(event: event, answer: nil, stages: [("verified", verified)]))
            }
            return .later { await report(event: event, listener: listener, start: start, verified: verified) }
        }
    }

    private struct Refusal: Error {
        let response: HTTPResponse
    }

    /// The first event that was taken; nil where the webhook holds none.
    private func take(
        _ request: HTTPRequest, platform name: PlatformName, listener: ReplyListener
    ) -> Result<InboundEvent?, Refusal> {
        bridge.assumeIsolated { bridge in
            guard let platform = bridge.platforms[name] else {
                return .failure(
                    Refusal(
                        response: .error(
                            .notFound, code: "platform_not_configured", message: "No such platform is configured here.")
                    ))
            }
            // Some signatures are over the address, too.
            var headers = request.headers
            headers["Authorization"] = headers[SimulationEndpoint.authorizationField]
            let webhook = WebhookRequest(
                method: request.method, target: "/webhooks/\(name)", headers: headers, body: request.body)
            do throws(WebhookRejection) {
                let events = try platform.receiveSimulated(webhook, at: .now()).events
                for var event in events {
                    // So that nobody takes it for a user when reading the log.
                    event.metadata["simulated"] = true
                    switch bridge.admit(
                        [event], from: platform, listener: listener, trace: TraceHeaders(request.headers))
                    {
                    case .taken(let results):
                        guard case .taken? = results.first else {
                            throw WebhookRejection(.malformed, "the event was taken before: give it another number")
                        }
                    // What is simulated is never claimed: it is from nobody.
                    case .full, .claim:
                        return .failure(
                            Refusal(
                                response: .error(
                                    .serviceUnavailable, code: "overloaded", message: "Too much is in work.")))
                    }
                }
                return .success(events.first)
            } catch {
                let isForged = [.unauthorized, .unknownKey, .forbidden].contains(error.reason)
                return .failure(
                    Refusal(
                        response: .error(
                            isForged ? .unauthorized : .badRequest, code: isForged ? "unauthorized" : "malformed",
                            message: error.message)))
            }
        }
    }

    private func report(
        event: InboundEvent?, listener: ReplyListener, start: ContinuousClock.Instant, verified: Duration
    ) async -> HTTPResponse {
        var stages = [("verified", verified)]
        for await news in listener.news {
            let elapsed = start.duration(to: .now)
            switch news {
            case .text:
                if stages.count == 1 { stages.append(("agent first byte", elapsed)) }
            case .done(let text, _):
                stages.append(("agent done", elapsed))
                return report(event: event, answer: text, stages: stages)
            case .failed(let failure):
                return .error(.init(502), code: "agent_\(failure.kind.rawValue)", message: failure.description)
            }
        }
        return .error(.serviceUnavailable, code: "stopping", message: "The bridge is stopping.")
    }

    private func report(event: InboundEvent?, answer: String?, stages: [(String, Duration)]) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object { object in
            object.field("kind", event?.kind.rawValue)
            object.field("conversation", event?.place.conversation.rawValue)
            object.field("answer", answer)
            object.arrayField("stages") { array in
                for (name, duration) in stages {
                    array.object {
                        $0.field("name", name)
                        $0.field("ms", duration / .milliseconds(1))
                    }
                }
            }
        }
        return .json(writer.bytes)
    }
}

extension Bridge.Platform {
    /// Verifies and reads a simulated webhook; where the platform signs with published keys, by the key that everybody knows:
    /// who may simulate has proved that otherwise.
    fileprivate func receiveSimulated(
        _ webhook: WebhookRequest, at now: Timestamp
    ) throws(WebhookRejection) -> WebhookOutcome {
        guard let keyed = adapter as? any PublishedKeyVerifying else { return try receive(webhook, at: now) }
        return try receive(webhook, simulatedBy: keyed, at: now)
    }

    private func receive(
        _ webhook: WebhookRequest, simulatedBy adapter: some PublishedKeyVerifying, at now: Timestamp
    ) throws(WebhookRejection) -> WebhookOutcome {
        guard let keys = adapter.parseKeys(SimulationKey.keySet(endorsements: [name.rawValue])) else {
            return try receive(webhook, at: now)
        }
        return try adapter.receive(webhook, keys: keys, at: now)
    }
}
