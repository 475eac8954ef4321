public import BridgeCore
internal import HTTPCore
internal import JSON

extension MatrixAdapter: DeliveryChecking {
    /// Our last fifty messages in the room.
    ///
    /// Synapse knows the transaction ids of application services only until it is started again, and cuts off the answers
    /// to what it is doing when it is told to stop.
    public func deliveryCheck(of action: OutboundAction) -> OutboundRequest? {
        var filter = JSONWriter(capacity: 128)
        filter.object { filter in
            filter.arrayField("senders") { $0.value(configuration.userID) }
            filter.arrayField("types") { $0.value("m.room.message") }
        }
        let encoded = HTTPPercentEncoding.encode(String(decoding: filter.bytes, as: UTF8.self))
        return call(.get, "rooms/\(room(of: action))/messages", query: "&dir=b&limit=50&filter=\(encoded)")
    }

    /// The message that bears the action's transaction id; nil when none does.
    public func interpretDeliveryCheck(_ response: OutboundResponse, of action: OutboundAction) -> DeliveryResult? {
        switch reply(of: response) {
        case .success(let reply):
            let name = transaction(of: action)
            let message = reply["chunk"].elements.first {
                $0["content"][MatrixContentWriter.transactionKey.description].string == name
            }
            return message?["event_id"].identifier.map { .delivered(PlatformMessageID($0)) }
        case .failure(let failure):
            return .failed(failure)
        }
    }
}
