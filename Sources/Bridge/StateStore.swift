/// Where small values are kept that must survive a restart: the cursor of a polled platform, a refresh token that works once.
public protocol StateStore: Sendable {
    /// The value stored last under a name; nil when there is none.
    func value(of name: String) async throws -> String?
    /// Stores a value durably under a name of letters, digits, dots and dashes.
    func store(_ value: String, of name: String) async throws
}
