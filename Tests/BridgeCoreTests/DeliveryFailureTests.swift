import BridgeCore
import Testing

struct DeliveryFailureTests {
    @Test func `a failure for which a platform has no words says so`() {
        #expect(DeliveryFailure(.refused, reason: "chat not found").description.contains("chat not found"))
        #expect(DeliveryFailure(.refused, reason: "").reason == "no reason given")
    }
}
