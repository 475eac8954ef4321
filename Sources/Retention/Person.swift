/// One person as one platform knows them.
public struct Person: Sendable, Hashable {
    /// The platform's short name, as in `telegram`.
    public let platform: String
    /// The platform's id of the user, as in `sender_id` and `user_id`.
    public let user: String

    /// A person.
    public init(platform: String, user: String) {
        self.platform = platform
        self.user = user
    }
}
