import BridgeCore
import HTTPCore
import Testing

@testable import SlackAdapter

/// Files in both directions, and the fake's understanding of them.
struct SlackFileTests {
    typealias S = SlackSamples

    static func action(_ kind: OutboundAction.Kind) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 0, low: 0), kind: kind,
            place: InboundEvent.Place(
                conversation: ConversationID("CHALL"), thread: ThreadID("4.000001"), isGroup: true))
    }

    static func response(_ status: Int, _ body: String, type: String = "application/json") -> OutboundResponse {
        OutboundResponse(status: HTTPStatus(status), headers: ["Content-Type": type], body: Array(body.utf8))
    }

    @Test func `a picture by its address becomes a block, and anything else has to be uploaded`() throws {
        let picture = OutboundAttachment(kind: .image, source: .url("https://a.test/a.png"), name: "a <b>")
        let request = try #require(
            S.adapter.encode(Self.action(.sendAttachment(picture, caption: "see")), at: S.now))
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"channel":"CHALL","text":"see","thread_ts":"4.000001","blocks":[{"type":"section","text":{"type":"plain_text","text":"see"}},{"type":"image","image_url":"https://a.test/a.png","alt_text":"a <b>"}]}"#
        )
        let film = OutboundAttachment(kind: .video, source: .url("https://a.test/a.mp4"))
        #expect(S.adapter.encode(Self.action(.sendAttachment(film, caption: nil)), at: S.now) == nil)
        #expect(!S.adapter.capabilities.attachmentsByURL.contains(.video))
    }

    @Test func `bytes go to the address that Slack names, and are confirmed`() throws {
        let file = OutboundAttachment(kind: .file, source: .bytes([1, 2, 3]), name: "a b.bin")
        let action = Self.action(.sendAttachment(file, caption: nil))
        var responses: [OutboundResponse] = []
        func next() -> OutboundRequest? {
            guard case .request(let request) = S.adapter.upload(file, for: action, after: responses, at: S.now) else {
                return nil
            }
            return request
        }
        let first = try #require(next())
        #expect(first.url == "https://slack.example.test/api/files.getUploadURLExternal")
        #expect(String(decoding: first.body, as: UTF8.self) == "filename=a%20b.bin&length=3")
        responses.append(Self.response(200, #"{"ok":true,"upload_url":"https://up.example.test/1","file_id":"F1"}"#))
        let second = try #require(next())
        #expect(second.url == "https://up.example.test/1")
        #expect(second.headers["Authorization"] == nil)
        #expect(second.body == [1, 2, 3])
        responses.append(Self.response(200, "OK - 3", type: "text/plain"))
        let third = try #require(next())
        #expect(
            String(decoding: third.body, as: UTF8.self)
                == #"{"files":[{"id":"F1","title":"a b.bin"}],"channel_id":"CHALL","thread_ts":"4.000001"}"#)
        responses.append(Self.response(200, #"{"ok":true,"files":[{"id":"F1"}]}"#))
        guard case .sent = S.adapter.upload(file, for: action, after: responses, at: S.now) else {
            Issue.record("not sent")
            return
        }
        for (count, refusal) in [
            (0, Self.response(200, #"{"ok":false,"error":"missing_scope"}"#)), (1, Self.response(500, "")),
            (2, Self.response(200, #"{"ok":false,"error":"not_in_channel"}"#)),
        ] {
            let tried = Array(responses.prefix(count)) + [refusal]
            guard case .failed = S.adapter.upload(file, for: action, after: tried, at: S.now) else {
                Issue.record("step \(count) is not failed")
                continue
            }
        }
    }

    @Test(arguments: [
        ("https://files.slack.com/files-pri/T1-F1/download/a.png", true),
        ("https://slack.example.test/files/a.png", true), ("https://evil.test/a.png", false),
        ("https://files.slack.com.evil.test/a.png", false), ("https://files.slack.com@evil.test/a.png", false),
        ("http://files.slack.com/a.png", false), ("https://evil.test/.slack.com", false), ("files.slack.com", false),
    ])
    func `the token goes to Slack alone`(url: String, isAsked: Bool) {
        switch S.adapter.fetchMedia(Attachment(kind: .image, url: url), after: []) {
        case .request(let request):
            #expect(isAsked)
            #expect(request.headers["Authorization"] == "Bearer \(S.token)")
        default: #expect(!isAsked)
        }
    }

    @Test func `a file that is only named is looked up first`() throws {
        let file = Attachment(kind: .image, reference: "F1")
        guard case .request(let lookUp) = S.adapter.fetchMedia(file, after: []) else {
            Issue.record("not looked up")
            return
        }
        #expect(lookUp.url == "https://slack.example.test/api/files.info?file=F1")
        let info = Self.response(200, #"{"ok":true,"file":{"url_private":"https://files.slack.com/x"}}"#)
        guard case .request(let fetch) = S.adapter.fetchMedia(file, after: [info]) else {
            Issue.record("not fetched")
            return
        }
        #expect(fetch.url == "https://files.slack.com/x")
        guard
            case .content(let type) = S.adapter.fetchMedia(
                file, after: [info, Self.response(200, "x", type: "image/png")])
        else {
            Issue.record("no content")
            return
        }
        #expect(type == "image/png")
    }

    @Test func `a log-in page is no picture`() {
        let file = Attachment(kind: .image, url: "https://files.slack.com/x", contentType: "image/png")
        let page = Self.response(200, "<html>", type: "text/html; charset=utf-8")
        guard case .unavailable(let reason) = S.adapter.fetchMedia(file, after: [page]) else {
            Issue.record("taken for a picture")
            return
        }
        #expect(reason.contains("files:read"))
    }
}
