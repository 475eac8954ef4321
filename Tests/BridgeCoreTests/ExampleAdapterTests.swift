import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

/// The documentation's example keeps the contract that every adapter keeps.
struct ExampleAdapterTests {
    // Swift Testing has an `Attachment` of its own.
    typealias File = BridgeCore.Attachment

    static let token = "coo-coo-17"

    static func request(_ body: [UInt8], token: String = token) -> WebhookRequest {
        WebhookRequest(target: "/webhooks/pigeon", headers: ["Pigeon-Token": token], body: body)
    }

    @Test func `it keeps the adapter contract`() {
        let profile = ConformanceProfile(
            now: Timestamp(seconds: 1_790_000_000),
            signing: .init(
                fields: ["Pigeon-Token"], coversBody: false, tolerance: nil, sign: { body, _ in Self.request(body) },
                signWrongly: { body, _ in Self.request(body, token: "coo-coo-18") }),
            payloads: [
                .init(
                    "a message", #"{"id":1,"loft":"north","from":"ida","text":"fly"}"#,
                    [ExpectedEvent(.text, isAnswered: true, text: "fly", sender: "ida", conversation: "north")]),
                .init("a feather", #"{"id":"2","loft":"north"}"#, [ExpectedEvent(.event, conversation: "north")]),
            ],
            message: { #"{"id":3,"loft":"north","text":\#($0)}"# }, malformed: ["{}"],
            responses: [.init("flown", status: 200, body: "", means: .delivered(nil))], secrets: [Self.token])
        #expect(AdapterConformance(PigeonAdapter(token: Secret(Self.token)), profile).findings() == [])
    }

    @Test func `a secret does not show, however it is printed`() {
        let secret: Secret = "coo-coo-17"
        var dumped = ""
        dump(PigeonAdapter(token: secret), to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\([secret])", "\(PigeonAdapter(token: secret))", dumped]
        {
            #expect(!text.contains("coo-coo"))
        }
    }

    @Test(arguments: [
        (
            #"{"url":"https://a.test/x","content_type":"image/png","size":5}"#,
            File(kind: .image, url: "https://a.test/x", contentType: "image/png", size: 5)
        ),
        (#"{"reference":17,"kind":"sticker","name":3}"#, File(kind: .sticker, reference: "17")),
        (#"{"url":"u","kind":"deleted"}"#, File(kind: .file, url: "u")),
        (#"{"name":"nowhere"}"#, nil),
        ("17", nil),
    ])
    func `an attachment of our own message form is read`(json: String, attachment: File?) throws {
        #expect(File(try JSONView(parsing: json)) == attachment)
    }
}
