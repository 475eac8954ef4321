internal import BridgeCore

/// The error codes that messaging meets (<https://www.twilio.com/docs/api/errors>).
enum TwilioErrorCode {
    /// What follows from a code; nil for those that are not known.
    static func meaning(of code: Int64) -> DeliveryFailure.Kind? {
        switch code {
        // Too many requests; the sender's queue is full; the channel's rate.
        case 20_429, 14_107, 21_611, 30_022, 63_017, 63_018, 63_038: .rateLimited(after: nil)
        // The person wrote STOP, or has blocked the business.
        case 21_610, 63_032, 63_050: .blocked
        // No such number, a landline, nobody there.
        case 21_211, 21_214, 21_217, 21_614, 30_003, 30_005, 30_006, 63_003, 63_024: .gone
        // More than 24 hours since the person wrote on WhatsApp.
        case 63_016: .windowClosed
        // The token, the account, or the number that we send from.
        case 20_003, 20_006, 20_008, 20_403, 20_404, 21_212, 21_603, 21_606, 21_659...21_661, 21_701...21_705, 30_002,
            63_007:
            .unauthorized
        case 20_500, 20_503, 30_001, 63_012, 63_022: .temporary
        default: nil
        }
    }

    /// A word about the codes that an operator meets most.
    static func words(of code: String?) -> String? {
        switch code {
        case "21610": "the person has opted out (STOP)"
        case "30003": "the phone is off or out of reach"
        case "30005": "no such number"
        case "30006": "a landline, or a carrier that cannot be reached"
        case "30007": "held back as spam"
        case "63016": "more than 24 hours since the person wrote"
        default: nil
        }
    }
}
