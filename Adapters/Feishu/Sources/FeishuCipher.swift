internal import BridgeCore
internal import Crypto

/// Feishu's encryption and signature by the Encrypt Key
/// (<https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case>).
struct FeishuCipher: Sendable {
    static let timestampField = "X-Lark-Request-Timestamp"
    static let nonceField = "X-Lark-Request-Nonce"
    static let signatureField = "X-Lark-Signature"

    private let encryptKey: String
    private let key: [UInt8]

    init(encryptKey: Secret) {
        self.encryptKey = encryptKey.value
        key = SHA256.digest(of: encryptKey.value)
    }

    /// The signature of a body as it travels, encrypted: a plain SHA-256, whose secret stands in the middle.
    func signature(of body: [UInt8], timestamp: String, nonce: String) -> String {
        Hex.encode(SHA256.digest(of: Array("\(timestamp)\(nonce)\(encryptKey)".utf8) + body))
    }

    /// The plain text of `encrypt`: 16 bytes of initialization vector and the ciphertext, in base64.
    ///
    /// - Returns: nil when it is not ours, whatever is wrong with it.
    func decrypt(_ text: String) -> [UInt8]? {
        guard let bytes = Base64.decode(text), bytes.count >= 32 else { return nil }
        return AES256CBC.decrypt(Array(bytes[16...]), key: key, iv: Array(bytes[..<16]))
    }

    /// What ``decrypt(_:)`` reads; nil when the system has no AES.
    func encrypt(_ bytes: [UInt8]) -> String? {
        let iv = randomBytes(16)
        return AES256CBC.encrypt(bytes, key: key, iv: iv).map { Base64.encode(iv + $0) }
    }
}
