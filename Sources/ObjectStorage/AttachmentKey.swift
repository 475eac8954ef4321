public import BridgeCore

/// Under which keys the attachments of messages are kept: `platform/account/yyyy/mm/dd/message-id/n.ext`.
///
/// A key holds nothing of the person who wrote: the account is ours, the message's id was made by the bridge, and its time is the day in
/// the key. So the keys of a message can be told from its row, and a message that is fetched twice is put to the same place.
public enum AttachmentKey {
    /// What the keys of a message's attachments begin with; ends in a slash.
    ///
    /// - Parameters:
    ///   - account: of the session; whatever is not a letter, a digit or a hyphen becomes a hyphen, 64 characters at the most.
    ///   - message: an id of version 7, whose time gives the day (UTC).
    public static func prefix(platform: String, account: String, message: UUID) -> String {
        let day = Timestamp(microseconds: Int64(message.high >> 16) * 1000).description.prefix(10)
        let date = day.split(separator: "-").joined(separator: "/")
        return "\(segment(platform))/\(segment(account))/\(date)/\(message)/"
    }

    /// The key of one attachment.
    ///
    /// - Parameters:
    ///   - index: its place in the message, from 0.
    ///   - fileExtension: without the dot, as ``MediaType/fileExtension``.
    public static func key(
        platform: String, account: String, message: UUID, index: Int, fileExtension: String
    ) -> String {
        "\(prefix(platform: platform, account: account, message: message))\(index).\(fileExtension)"
    }

    private static func segment(_ text: String) -> String {
        let bytes = text.utf8.prefix(64).map { byte -> UInt8 in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: byte
            default: UInt8(ascii: "-")
            }
        }
        return bytes.isEmpty ? "-" : String(decoding: bytes, as: UTF8.self)
    }
}
