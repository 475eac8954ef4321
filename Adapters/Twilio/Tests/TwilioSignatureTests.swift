import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore
import JSON
import Testing
import TwilioAdapter

/// Who may send: the address and every parameter are signed.
struct TwilioSignatureTests {
    typealias S = TwilioSamples

    static let body = Array(S.sms(["Body": "hi"]).utf8)

    static func isAccepted(_ request: WebhookRequest, by adapter: TwilioAdapter = S.adapter()) -> Bool {
        (try? adapter.receive(request, at: S.now)) != nil
    }

    /// A request signed over an address of which only the part before the path is told.
    static func request(signedOver base: String, headers: HTTPFields = [:]) -> WebhookRequest {
        var request = S.signed(body, base: base)
        for field in headers.fields { request.headers.append(field.name, field.value) }
        return request
    }

    @Test(arguments: [
        ("https://bridge.example.test", "https://bridge.example.test", true),
        ("https://bridge.example.test", "https://bridge.example.test:443", true),
        ("http://bridge.example.test", "http://bridge.example.test:80", true),
        ("https://bridge.example.test:8443", "https://bridge.example.test:8443", true),
        ("https://bridge.example.test:8443", "https://bridge.example.test", true),
        ("https://bridge.example.test/behind/a/proxy", "https://bridge.example.test:443/behind/a/proxy", true),
        ("https://[::1]", "https://[::1]:443", true),
        ("https://bridge.example.test", "https://bridge.example.test:8443", false),
        ("https://bridge.example.test", "http://bridge.example.test", false),
        ("https://bridge.example.test", "https://other.example.test", false),
    ])
    func `the public address may be signed with its port and without`(
        publicURL: String, signed: String, isRight: Bool
    ) {
        let adapter = S.adapter(publicURL: publicURL)
        #expect(Self.isAccepted(Self.request(signedOver: signed), by: adapter) == isRight)
    }

    @Test(
        arguments: [
            (["Host": "bridge.example.test"], "https://bridge.example.test"),
            (["Host": "127.0.0.1:3000"], "http://127.0.0.1:3000"),
            (
                ["Host": "10.0.0.1:3000", "X-Forwarded-Host": "bridge.example.test", "X-Forwarded-Proto": "https"],
                "https://bridge.example.test"
            ),
        ] as [(HTTPFields, String)])
    func `without a public address the request's own is taken`(headers: HTTPFields, signed: String) {
        let adapter = S.adapter(publicURL: nil)
        #expect(Self.isAccepted(Self.request(signedOver: signed, headers: headers), by: adapter))
        #expect(!Self.isAccepted(Self.request(signedOver: "https://other.test", headers: headers), by: adapter))
    }

    @Test func `empty, unknown and repeated parameters are signed`() {
        let extra = Array((S.sms(["Body": "hi"]) + "&FromCity=&New=b&New=a&New=b").utf8)
        #expect(Self.isAccepted(S.signed(extra)))
        for part in ["&FromCity=", "&New=a"] {
            var changed = S.signed(extra)
            changed.body = Array(String(decoding: extra, as: UTF8.self).split(separator: part).joined().utf8)
            // An empty value adds nothing but its name.
            #expect(!Self.isAccepted(changed), "\(part)")
        }
    }

    @Test func `white space is part of what is signed`() {
        #expect(Self.isAccepted(S.signed(Array(S.sms(["Body": "  hi  "]).utf8))))
        var trimmed = S.signed(Array(S.sms(["Body": "  hi  "]).utf8))
        trimmed.body = Self.body
        #expect(!Self.isAccepted(trimmed))
    }

    @Test func `a GET is signed by its address alone`() throws {
        let target = "/webhooks/twilio?" + S.sms(["Body": "by GET"])
        var request = WebhookRequest(
            method: .get, target: target,
            headers: ["X-Twilio-Signature": S.signature(S.publicURL + target)], body: [])
        #expect(try S.adapter().receive(request, at: S.now).events.first?.text == "by GET")
        request.target += "&Body=more"
        #expect(!Self.isAccepted(request))
    }

    @Test func `JSON is signed by its digest in the address`() throws {
        let json = Array(#"[{"id":"EV1","type":"com.twilio.messaging.message.delivered","data":{}}]"#.utf8)
        let target = "/webhooks/twilio?bodySHA256=" + Hex.encode(SHA256.digest(of: json))
        let request = WebhookRequest(
            target: target,
            headers: [
                "Content-Type": "application/json", "X-Twilio-Signature": S.signature(S.publicURL + target),
            ], body: json)
        let events = try S.adapter().receive(request, at: S.now).events
        #expect(
            events.map { ExpectedEvent(of: $0) } == [
                ExpectedEvent(.event, conversation: "com.twilio.messaging.message.delivered")
            ])
        var changed = request
        changed.body[5] ^= 1
        #expect(!Self.isAccepted(changed))
    }

    @Test func `the recorded signatures are right, and every change of them wrong`() throws {
        guard let bytes = FixtureExpectations.file("signatures.json", of: "twilio") else { return }
        for vector in try JSONView(parsing: bytes)["vectors"].elements {
            let name = vector["name"].string ?? "?"
            let url = try #require(vector["url"].string)
            let slashes = url.indices.filter { url[$0] == "/" }
            let start = try #require(slashes.dropFirst(2).first)
            let adapter = S.adapter(
                publicURL: String(url[..<start]), token: try #require(vector["auth_token"].string))
            var headers = HTTPFields()
            for (name, value) in vector["headers"].members { headers.append(name, value.string ?? "") }
            let body = Array(try #require(vector["raw_body"].string).utf8)
            let request = WebhookRequest(target: String(url[start...]), headers: headers, body: body)
            let isRight = vector["expected_valid"].bool == true
            #expect(Self.refusal(of: request, by: adapter) == (isRight ? nil : .unauthorized), "\(name)")
            guard isRight else { continue }
            for index in body.indices {
                var tampered = request
                tampered.body[index] ^= 1
                #expect(Self.refusal(of: tampered, by: adapter) == .unauthorized, "\(name) at \(index)")
            }
            for target in ["/x" + request.target, request.target + "&x=1", "/"] {
                var tampered = request
                tampered.target = target
                #expect(Self.refusal(of: tampered, by: adapter) == .unauthorized, "\(name) at \(target)")
            }
        }
    }

    static func refusal(of request: WebhookRequest, by adapter: TwilioAdapter) -> WebhookRejection.Reason? {
        do throws(WebhookRejection) {
            _ = try adapter.receive(request, at: S.now)
            return nil
        } catch {
            return error.reason
        }
    }
}
