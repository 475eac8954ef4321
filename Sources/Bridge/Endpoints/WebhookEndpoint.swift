internal import BridgeCore
internal import HTTPCore
public import HTTPServer
internal import Telemetry

/// `/webhooks/{platform}`: verifies, takes the events and acknowledges in the turn that read the request.
public struct WebhookEndpoint: Sendable {
    private let bridge: Bridge
    private let limiter: RefusalLimiter

    /// The endpoint of this engine's platforms.
    public init(bridge: Bridge) {
        self.bridge = bridge
        limiter = RefusalLimiter()
    }

    /// Answers one webhook.
    ///
    /// Call it on the engine's loop.
    public func respond(to request: HTTPRequest, platform name: String) -> HTTPResult {
        bridge.assumeIsolated { bridge in
            guard let platform = bridge.platforms[PlatformName(name)], platform.capabilities.transport == .http else {
                return .now(
                    .error(
                        .notFound, code: "platform_not_configured",
                        message: "No platform of this name is configured here: set its credentials and start again."))
            }
            let start = ContinuousClock.now
            if let response = respond(to: request, on: platform, in: bridge, since: start) { return .now(response) }
            return .later { await respondWithNewKeys(to: request, on: platform, since: start) }
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
        return await respond(to: request, on: platform, in: bridge, since: start, isLastTry: true)
            ?? .error(.unauthorized, code: "unauthorized", message: "The signature is of an unknown key.")
    }

    /// The answer; nil when the keys should be fetched first.
    private func respond(
        to request: HTTPRequest, on platform: Bridge.Platform, in bridge: isolated Bridge,
        since start: ContinuousClock.Instant, isLastTry: Bool = false
    ) -> HTTPResponse? {
        let webhook = WebhookRequest(
            method: request.method, target: request.target, headers: request.headers, body: request.body)
        do throws(WebhookRejection) {
            let outcome = try platform.receive(webhook, at: .now())
            guard bridge.take(outcome.events, from: platform.name) else {
                return .error(
                    .serviceUnavailable, code: "overloaded", message: "Too much is in work; deliver it again.",
                    headers: ["Retry-After": "1"])
            }
            platform.metrics.received.increment()
            platform.metrics.acknowledgementSeconds.record(start.duration(to: .now))
            return HTTPResponse(outcome.acknowledgement)
        } catch {
            if error.reason == .unknownKey, !isLastTry, platform.keyedReception != nil { return nil }
            platform.metrics.refused.increment()
            // Only what fails verification is limited; the rest may be a platform's own novelty.
            let address = request.remoteAddress
            let verdict =
                [.unauthorized, .unknownKey, .forbidden].contains(error.reason)
                ? limiter.count(address, at: .now) : .repeated
            let values: KeyValuePairs = [
                "adapter.name": platform.name.rawValue, "remote.address": address, "reason": error.message,
            ]
            if verdict == .first {
                // Told to the operator, whose secret may be the wrong one; the rest would fill the log.
                bridge.log.warning("webhook refused: is the secret the one that the platform has?", values)
            } else {
                bridge.log.debug("webhook refused", values)
            }
            return limiter.response(to: error, verdict)
        }
    }
}

extension HTTPResponse {
    fileprivate init(_ acknowledgement: Acknowledgement) {
        var headers = HTTPFields()
        if let type = acknowledgement.contentType { headers.append("Content-Type", type) }
        self.init(acknowledgement.status, headers: headers, body: .bytes(acknowledgement.body))
    }
}
