/// What this build is called.
enum Version {
    /// The version by semver.org.
    static let number = "0.1.0"
}
