/// The SHA-256 hash (FIPS 180-4).
public enum SHA256 {
    /// The 32-byte digest of the bytes.
    public static func digest(of bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { Digest.sha256.digest(of: $0) }
    }

    /// The 32-byte digest of a string's UTF-8.
    public static func digest(of text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { Digest.sha256.digest(of: UnsafeRawBufferPointer($0)) }
    }
}
