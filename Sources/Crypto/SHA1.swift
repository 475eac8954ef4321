/// The SHA-1 hash (FIPS 180-4), for protocols that fix it, as the WebSocket handshake (RFC 6455, section 4.2.2).
///
/// It is broken for signatures; nothing new may use it.
public enum SHA1 {
    /// The 20-byte digest of the bytes.
    public static func digest(of bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { Digest.sha1.digest(of: $0) }
    }

    /// The 20-byte digest of a string's UTF-8.
    public static func digest(of text: String) -> [UInt8] {
        var text = text
        return text.withUTF8 { Digest.sha1.digest(of: UnsafeRawBufferPointer($0)) }
    }
}
