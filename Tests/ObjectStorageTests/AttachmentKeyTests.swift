import BridgeCore
import Testing

@testable import ObjectStorage

@Suite struct AttachmentKeyTests {
    @Test(arguments: [
        ("telegram", "default", "telegram/default/2026/11/20/"),
        ("whatsapp", "123456789", "whatsapp/123456789/2026/11/20/"),
        ("matrix", "@bot:example.org", "matrix/-bot-example-org/2026/11/20/"),
        ("x", "", "x/-/2026/11/20/"),
        ("x", "../..", "x/-----/2026/11/20/"),
    ])
    func `a key tells platform, account and day, and nothing of the user`(
        platform: String, account: String, expected: String
    ) throws {
        let time = try #require(Timestamp("2026-11-20T23:59:59.999Z"))
        let id = UUID(version7At: UInt64(time.microseconds / 1000), fraction: 1, random: 2)
        #expect(AttachmentKey.prefix(platform: platform, account: account, message: id) == expected + "\(id)/")
        #expect(
            AttachmentKey.key(platform: platform, account: account, message: id, index: 3, fileExtension: "jpg")
                == expected + "\(id)/3.jpg")
    }
}
