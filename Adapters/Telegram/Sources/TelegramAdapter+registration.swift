public import BridgeCore
internal import HTTPCore
internal import JSON

extension TelegramAdapter: WebhookRegistering {
    /// `getWebhookInfo`.
    public func webhookQuery() -> OutboundRequest { OutboundRequest(method: .get, url: methods.getWebhookInfo) }

    /// Where updates go, how many wait, and the last error.
    public func interpretWebhookQuery(_ response: OutboundResponse) -> WebhookRegistration {
        switch reply(of: response) {
        case .failure(let failure): return .failed(failure)
        case .success(let info):
            guard let url = info["url"].string, !url.isEmpty else { return .none }
            var remarks: [String] = []
            if let pending = info["pending_update_count"].int, pending > 0 { remarks.append("\(pending) updates wait") }
            if let error = info["last_error_message"].string { remarks.append("last error: \(error.prefix(200))") }
            return .registered(url: url, remarks: remarks)
        }
    }

    /// `setWebhook` with the secret and every kind of update that is read.
    public func registerWebhook(at url: String) -> OutboundRequest {
        var writer = JSONWriter()
        writer.object { json in
            json.field("url", url)
            json.field("secret_token", configuration.webhookSecret?.value)
            json.arrayField("allowed_updates") { list in
                for kind in Self.updateKinds { list.value(kind) }
            }
        }
        return OutboundRequest(
            url: methods.setWebhook, headers: ["Content-Type": "application/json"], body: writer.bytes)
    }

    /// `deleteWebhook`; updates that wait are kept.
    public func removeWebhook() -> OutboundRequest? { OutboundRequest(url: methods.deleteWebhook) }

    /// What Telegram had against it.
    public func interpretRegistration(_ response: OutboundResponse) -> DeliveryFailure? {
        if case .failure(let failure) = reply(of: response) { return failure }
        return nil
    }
}
