public import BridgeCore
internal import Crypto
internal import HTTPCore
internal import JSON

extension ZaloBotAdapter: LongPolling {
    /// True when the configuration asks for `getUpdates`.
    public var isPollingEnabled: Bool { configuration.isPollingEnabled }

    /// `getUpdates`, which keeps the poll open for 30 s and brings one update; there is no cursor.
    public func poll(after cursor: String?) -> OutboundRequest {
        // The documentation's table says that it is a text, as the published clients send it.
        call("getUpdates") { $0.field("timeout", "30") }
    }

    /// The event of the update, or none: the platform says 408 when nothing came in time.
    public func interpretPoll(_ response: OutboundResponse) -> PollOutcome {
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        if body["error_code"].idString == "408" || response.status.code == 408 { return .events([], cursor: nil) }
        switch reply(of: response) {
        case .success(let result):
            let digest = { "poll:" + Hex.encode(Array(SHA256.digest(of: response.body).prefix(16))) }
            // One update, perhaps none; a list is taken too, should there be one some day.
            if result.kind == .array {
                return .events(result.elements.compactMap { reader.event(of: $0, fallbackID: digest) }, cursor: nil)
            }
            return .events(reader.event(of: result, fallbackID: digest).map { [$0] } ?? [], cursor: nil)
        case .failure(let failure):
            return .failed(failure)
        }
    }
}
