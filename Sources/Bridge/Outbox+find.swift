internal import BridgeCore

extension Outbox {
    /// Asks the platform for a message that may have arrived unheard.
    ///
    /// - Returns: what became of it, or why that cannot be found out now; nil when it is not there, or nobody can tell: then
    ///   it is sent again, and the platform's own memory must do.
    /// - Throws: what ``exchange(_:timeouts:maxResponseBytes:isRepeatable:)`` throws.
    @inline(never) func find(_ work: ActionInWork) async throws -> DeliveryResult? {
        let action = work.action
        guard action.kind.isMessage, let adapter = adapter as? any DeliveryChecking,
            let request = adapter.deliveryCheck(of: action)
        else { return nil }
        let response = try await exchange(request, isRepeatable: true)
        let result = adapter.interpretDeliveryCheck(response, of: action)
        if case .failed(let failure) = result, !failure.isTemporary { return nil }
        return result
    }
}
