import BridgeTesting
import Crypto

enum GitHubSamples {
    static func signature(of body: [UInt8], secret: String) -> String {
        "sha256=" + Hex.encode(HMACSHA256.authenticationCode(for: body, key: Array(secret.utf8)))
    }

    /// The recorded payloads, where they are at hand.
    static let recorded: [FixtureExpectations.Row] = {
        do { return try FixtureExpectations(platform: "github")?.rows ?? [] } catch { fatalError("\(error)") }
    }()
}
