import JSON
import Testing

@testable import Importer

struct MastraPlaceTests {
    @Test(
        arguments: [
            (#"{}"#, "mastra", nil, "t1", nil),
            (
                #"{"channel_platform":"telegram","channel_externalThreadId":"telegram:123456"}"#, "telegram", nil,
                "123456", nil
            ),
            (
                #"{"channel_platform":"telegram","channel_externalThreadId":"telegram:-1001:7"}"#, "telegram", nil,
                "-1001", "7"
            ),
            (
                #"{"channel_platform":"slack","channel_externalThreadId":"slack:C123:200.000","channel_externalChannelId":"slack:C123"}"#,
                "slack", nil, "C123", "200.000"
            ), (#"{"channel_platform":"slack","channel_externalThreadId":"slack:D123:"}"#, "slack", nil, "D123", nil),
            (#"{"channel_platform":"discord","channel_externalThreadId":"discord:1:22"}"#, "discord", nil, "22", nil),
            (
                #"{"channel_platform":"discord","channel_externalThreadId":"discord:1:22:333"}"#, "discord", nil, "333",
                nil
            ),
            // Another's ids, taken as they are.
            (
                #"{"channel_platform":"discord","channel_externalThreadId":"chan-1:t-1"}"#, "discord", nil,
                "chan-1:t-1", nil
            ),
            (
                #"{"channel_platform":"whatsapp","channel_externalThreadId":"whatsapp:1055:84900"}"#, "whatsapp",
                "1055",
                "84900", nil
            ),
            (
                #"{"channel_platform":"whatsapp","channel_externalThreadId":"whatsapp:84900"}"#, "whatsapp", nil,
                "84900", nil
            ),
            // base64url of 19:abc@thread.tacv2;messageid=17 and of https://smba.example/
            (
                #"{"channel_platform":"teams","channel_externalThreadId":"teams:MTk6YWJjQHRocmVhZC50YWN2MjttZXNzYWdlaWQ9MTc:aHR0cHM6Ly9zbWJhLmV4YW1wbGUv"}"#,
                "msteams", nil, "19:abc@thread.tacv2", "17"
            ),
            // base64url of spaces/A/threads/B
            (
                #"{"channel_platform":"gchat","channel_externalThreadId":"gchat:spaces/A:c3BhY2VzL0EvdGhyZWFkcy9C"}"#,
                "googlechat", nil, "spaces/A", "spaces/A/threads/B"
            ),
            (
                #"{"channel_platform":"gchat","channel_externalThreadId":"gchat:spaces/A:dm"}"#, "googlechat", nil,
                "spaces/A", nil
            ),
            (
                #"{"channel_platform":"github","channel_externalThreadId":"github:o/r:5:rc:9"}"#, "github", nil,
                "o/r#5", "9"
            ),
            (#"{"channel_platform":"facebook","channel_externalThreadId":"facebook:77"}"#, "messenger", nil, "77", nil),
            (#"{"channel_platform":"own","channel_externalThreadId":42}"#, "own", nil, "42", nil),
            (#"{"channel_platform":"telegram"}"#, "telegram", nil, "t1", nil),
            (#"{"channel_platform":"telegram","channel_externalChannelId":"telegram:9"}"#, "telegram", nil, "9", nil),
        ] as [(String, String, String?, String, String?)])
    func `a channel's thread is a conversation of ours`(
        metadata: String, platform: String, account: String?, conversation: String, thread: String?
    ) throws {
        var changes = RowChanges()
        let place = MastraPlace(try JSONView(parsing: metadata), thread: "t1", &changes)
        #expect(place.platform == platform)
        #expect(place.account == account)
        #expect(place.conversation == conversation)
        #expect(place.thread == thread)
    }
}
