internal import BridgeCore
internal import EventLoop
internal import HTTPCore
public import HTTPServer
internal import Telemetry
internal import Tracing

/// `/webhooks/{platform}`: verifies, takes the events and acknowledges in the turn that read the request.
public struct WebhookEndpoint: Sendable {
    private let bridge: Bridge
    private let limiter: RefusalLimiter
    private let proxies: TrustedProxies

    /// The endpoint of this engine's platforms.
    ///
    /// - Parameter proxies: who is believed about a client's address, which counts for requests that fail verification alone.
    public init(bridge: Bridge, proxies: TrustedProxies = TrustedProxies()) {
        self.bridge = bridge
        self.proxies = proxies
        limiter = RefusalLimiter()
    }

    /// Answers one webhook.
    ///
    /// Call it on the engine's loop.
    public func respond(to request: HTTPRequest, platform name: String) -> HTTPResult {
        bridge.assumeIsolated(on: bridge.loop) { bridge in
            guard let platform = bridge.platforms[PlatformName(name)], platform.capabilities.transport == .http else {
                return .now(
                    .error(
                        .notFound, code: "platform_not_configured",
                        message: "No platform of this name is configured here: set its credentials and start again."))
            }
            let start = ContinuousClock.now
            return respond(to: request, on: platform, in: bridge, since: start)
                ?? .later { await respondWithNewKeys(to: request, on: platform, since: start) }
        }
    }

    /// Answers a webhook whose key is not at hand, once the platform's keys have been fetched anew.
    private func respondWithNewKeys(
        to request: HTTPRequest, on platform: Bridge.Platform, since start: ContinuousClock.Instant
    ) async -> HTTPResponse {
        guard await platform.keyedReception?.refresh() == true else {
            return .error(
                .serviceUnavailable, code: "no_keys",
                message: "The platform's keys cannot be fetched at the moment: deliver it again.",
                headers: ["Retry-After": "5"])
        }
        switch await respond(to: request, on: platform, in: bridge, since: start, isLastTry: true) {
        case .now(let response): return response
        case .later(let work): return await work()
        default: return .error(.unauthorized, code: "unauthorized", message: "The signature is of an unknown key.")
        }
    }

    /// The answer; nil when the keys should be fetched first.
    private func respond(
        to request: HTTPRequest, on platform: Bridge.Platform, in bridge: isolated Bridge,
        since start: ContinuousClock.Instant, isLastTry: Bool = false
    ) -> HTTPResult? {
        let webhook = WebhookRequest(
            method: request.method, target: request.target, headers: request.headers, body: request.body)
        do throws(WebhookRejection) {
            let outcome = try platform.receive(webhook, at: .now())
            let trace = RequestTrace(of: request, by: bridge.tracer, since: start)
            trace?.noteVerified()
            if let shares = bridge.shares(of: outcome.events, on: platform) {
                return .later { await respond(outcome, shares, on: platform, trace: trace, since: start) }
            }
            switch bridge.admit(outcome.events, from: platform, trace: trace?.headers, since: start) {
            case .taken:
                trace?.end(outcome.acknowledgement.status, platform: platform.name)
                return .now(acknowledge(outcome, on: platform, since: start))
            case .full:
                trace?.end(.serviceUnavailable, platform: platform.name)
                return .now(WebhookEndpoint.overloaded)
            case .claim(let arrivals):
                return .later {
                    let response = await acknowledge(outcome, of: arrivals, on: platform, since: start)
                    trace?.end(response.status, platform: platform.name)
                    return response
                }
            }
        } catch {
            if error.reason == .unknownKey, !isLastTry, platform.keyedReception != nil { return nil }
            platform.metrics.refused.increment()
            // Only what fails verification is limited; the rest may be a platform's own novelty.
            let address = proxies.client(of: request)
            let verdict =
                [.unauthorized, .unknownKey, .forbidden].contains(error.reason)
                ? limiter.count(address, at: .now) : .repeated
            let values: KeyValuePairs = [
                "adapter.name": platform.name.rawValue, "remote.address": address.address, "reason": error.message,
            ]
            if verdict == .first {
                // Told to the operator, whose secret may be the wrong one; the rest would fill the log.
                bridge.log.warning("webhook refused: is the secret the one that the platform has?", values)
            } else {
                bridge.log.debug("webhook refused", values)
            }
            return .now(limiter.response(to: error, verdict))
        }
    }

    private static let overloaded = HTTPResponse.error(
        .serviceUnavailable, code: "overloaded", message: "Too much is in work; deliver it again.",
        headers: ["Retry-After": "1"])

    private static let away = HTTPResponse.error(
        .serviceUnavailable, code: "inbox_away",
        message: "The event cannot be kept safe at the moment: deliver it again.", headers: ["Retry-After": "2"])

    /// Acknowledges once other engines of the process have taken what is theirs.
    private func respond(
        _ outcome: WebhookOutcome, _ shares: [Bridge.Share], on platform: Bridge.Platform, trace: RequestTrace?,
        since start: ContinuousClock.Instant
    ) async -> HTTPResponse {
        let refusal = await bridge.take(shares, from: platform.name, trace: trace?.headers, since: start)
        let response =
            switch refusal {
            case nil: acknowledge(outcome, on: platform, since: start)
            case .full: WebhookEndpoint.overloaded
            case .away: WebhookEndpoint.away
            }
        trace?.end(response.status, platform: platform.name)
        return response
    }

    private func acknowledge(
        _ outcome: WebhookOutcome, on platform: Bridge.Platform, since start: ContinuousClock.Instant
    ) -> HTTPResponse {
        platform.metrics.received.increment()
        platform.metrics.acknowledgementSeconds.record(start.duration(to: .now))
        return HTTPResponse(outcome.acknowledgement)
    }

    /// Acknowledges once the inbox has the events.
    private func acknowledge(
        _ outcome: WebhookOutcome, of arrivals: [Bridge.Arrival], on platform: Bridge.Platform,
        since start: ContinuousClock.Instant
    ) async -> HTTPResponse {
        // In a task of its own: a platform that goes away does not take back what may be in the inbox already.
        guard await bridge.claimUndisturbed(arrivals) != nil else {
            return WebhookEndpoint.away
        }
        return acknowledge(outcome, on: platform, since: start)
    }
}

extension HTTPResponse {
    fileprivate init(_ acknowledgement: Acknowledgement) {
        var headers = HTTPFields()
        if let type = acknowledgement.contentType { headers.append("Content-Type", type) }
        self.init(acknowledgement.status, headers: headers, body: .bytes(acknowledgement.body))
    }
}
