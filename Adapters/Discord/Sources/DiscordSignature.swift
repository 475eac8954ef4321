internal import BridgeCore
internal import Crypto
internal import HTTPCore

/// Discord's Ed25519 signature over time and body ("Interactions overview", security and authorization).
///
/// Discord documents no greatest age: the time is only a part of what is signed. A replayed request bears the id of the
/// first and is dropped for it.
struct DiscordSignature: Sendable {
    static let timestampField = "X-Signature-Timestamp"
    static let signatureField = "X-Signature-Ed25519"

    private let publicKey: [UInt8]
    /// Signs what is simulated: made of the bot's token, so that nobody else has it.
    private let simulationKey: [UInt8]
    private let simulationPublicKey: [UInt8]

    init(publicKey: String, botToken: Secret) {
        self.publicKey = Hex.decode(publicKey) ?? []
        simulationKey = HMACSHA256.authenticationCode(
            for: Array("chatbridge simulates discord".utf8), key: Array(botToken.value.utf8))
        simulationPublicKey = botToken.value.isEmpty ? [] : Ed25519.publicKey(for: simulationKey) ?? []
    }

    /// Checks the signature of a request.
    func verify(_ request: WebhookRequest) throws(WebhookRejection) {
        guard let timestamp = request.headers[Self.timestampField], !timestamp.isEmpty,
            let given = request.headers[Self.signatureField], !given.isEmpty
        else {
            throw WebhookRejection(
                .unauthorized, "the headers \(Self.timestampField) and \(Self.signatureField) are both needed")
        }
        var message: [UInt8] = []
        message.reserveCapacity(timestamp.utf8.count + request.body.count)
        message += timestamp.utf8
        message += request.body
        guard let signature = Hex.decode(given),
            [publicKey, simulationPublicKey].contains(where: {
                Ed25519.isValid(signature: signature, message: message, publicKey: $0)
            })
        else {
            throw WebhookRejection(.unauthorized, "the signature is wrong: check DISCORD_PUBLIC_KEY")
        }
    }

    /// The header fields of a body that we sign in Discord's stead.
    func simulatedFields(_ body: [UInt8], timestamp: String) -> HTTPFields {
        let signature = Ed25519.signature(for: Array(timestamp.utf8) + body, privateKey: simulationKey) ?? []
        return [
            "Content-Type": "application/json", Self.timestampField: timestamp,
            Self.signatureField: Hex.encode(signature),
        ]
    }
}
