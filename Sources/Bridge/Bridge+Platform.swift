internal import BridgeCore

extension Bridge {
    /// One adapter with what the engine keeps for it.
    ///
    /// A class, since it goes along with each question: copies of a dozen references would cost more than the lane does.
    final class Platform: Sendable {
        let name: PlatformName
        let adapter: any Adapter
        let capabilities: Capabilities
        let outbox: Outbox
        let metrics: PlatformMetrics
        /// Verifies webhooks where the platform publishes the keys for it; else the adapter does it alone.
        let keyedReception: (any KeyedReceiving)?
        /// Fetches pictures, where the platform's API has them.
        let media: MediaFetcher?

        init(
            adapter: any Adapter, outbox: Outbox, metrics: PlatformMetrics, keyedReception: (any KeyedReceiving)?,
            media: MediaFetcher?
        ) {
            name = adapter.platform
            capabilities = adapter.capabilities
            self.adapter = adapter
            self.outbox = outbox
            self.metrics = metrics
            self.keyedReception = keyedReception
            self.media = media
        }

        /// Verifies and reads a webhook.
        ///
        /// - Throws: also ``WebhookRejection/Reason/unknownKey``, after which ``KeyedReceiving/refresh()`` may help.
        func receive(_ webhook: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
            guard let keyedReception else { return try adapter.receive(webhook, at: now) }
            return try keyedReception.receiveOnLoop(webhook, at: now)
        }
    }
}
