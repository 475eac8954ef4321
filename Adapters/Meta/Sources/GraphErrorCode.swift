package import BridgeCore

/// The error codes of the Graph API that messaging meets.
///
/// Sources: "Cloud API, Error codes" for six digits beginning with 13, "Messenger Platform, Common error codes" for the
/// subcodes beginning with 20 and for 551, "Graph API, Rate limits" for throttling.
package enum GraphErrorCode {
    /// What follows from a code; `.refused` for those that are not known.
    package static func meaning(of code: Int64, subcode: Int64) -> DeliveryFailure.Kind {
        if let kind = meaning(ofSubcode: subcode) { return kind }
        switch code {
        // The application's, user's, page's and account's budgets; WhatsApp's throughput, spam and account limits.
        case 4, 17, 32, 341, 613, 80_001...80_014, 130_429, 131_048, 133_016: return .rateLimited(after: nil)
        // Messages to one person: one each six seconds.
        case 131_056: return .rateLimited(after: .seconds(6))
        // "Temporary": unknown, down, overloaded, in maintenance.
        case 1, 2, 1200, 131_000, 131_016, 131_057, 133_004, 135_000: return .temporary
        // More than 24 hours since the user wrote (131047 for the Cloud API, 470 in its older form).
        case 131_047, 470: return .windowClosed
        // The person blocked us, stopped our messages, or cannot be written to.
        case 551, 131_050: return .blocked
        // Not a WhatsApp number, or one that takes no such messages.
        case 131_026: return .gone
        // Tokens, permissions, a number that is not registered, an account that is locked or restricted.
        case 0, 3, 10, 33, 102, 190, 200...299, 368, 131_005, 131_031, 131_045, 133_010: return .unauthorized
        default: return .refused
        }
    }

    /// Whom a throttle concerns: those of the application, the page or the number are for all.
    package static func scope(of code: Int64) -> DeliveryFailure.Scope {
        switch code {
        case 4, 32, 80_001...80_014, 130_429, 131_048, 133_016: .account
        default: .conversation
        }
    }

    private static func meaning(ofSubcode subcode: Int64) -> DeliveryFailure.Kind? {
        switch subcode {
        // "This message is sent outside of allowed window": Messenger, and Instagram.
        case 2_018_278, 2_534_022: .windowClosed
        // "This person isn't available right now": blocked, deactivated, or does not receive messages.
        case 1_545_041, 2_018_108: .blocked
        // "No matching user found".
        case 2_018_001, 2_534_014: .gone
        default: nil
        }
    }
}
