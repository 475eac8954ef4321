import BridgeCore
import BridgeTesting
import HTTPCore
import JSON
import Testing

/// The suite finds what is wrong with an adapter that does everything wrong.
struct AdapterConformanceTests {
    /// Each fault can be turned on by itself.
    struct FaultyAdapter: Adapter {
        enum Fault: String, CaseIterable {
            case acceptsAnybody, ignoresTime, ignoresBody, leaksInError, leaksInBody, takesAnyJSON, losesText,
                namesNothing
            case callsItDelivered, givesUpOnServers, refusesOddFields, cutsTexts
            case answersStrangers, asksStrangers, namesNoRepeats, namesHalfOfThem, namesEachTry
        }

        let platform = PlatformName("faulty")
        let capabilities = Capabilities(textLimit: .init(300, .scalars), hasIdempotentSends: true)
        let fault: Fault?

        static let key = "the-key-1"

        /// A checksum that stands for a signature.
        static func sign(_ body: [UInt8], _ time: String, key: String) -> String {
            let sum = (Array(key.utf8) + Array(time.utf8) + body).reduce(UInt64(7)) { $0 &* 31 &+ UInt64($1) }
            return "s\(sum)e"
        }

        func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
            let time = request.headers["Time"] ?? ""
            let signed = fault == .ignoresBody ? [] : request.body
            let given = request.headers["Signature"]
            let isRight =
                given == Self.sign(signed, time, key: Self.key)
                || fault == .ignoresBody && given?.hasPrefix("s") == true && given?.hasSuffix("e") == true
            let age = Int64(time).map { abs(now.seconds - $0) }
            guard fault == .acceptsAnybody || isRight, fault == .ignoresTime || (age ?? 99) <= 10 else {
                throw WebhookRejection(.unauthorized, fault == .leaksInError ? "not \(Self.key)" : "no")
            }
            guard let json = try? JSONView(parsing: request.body) else {
                throw WebhookRejection(.malformed, "no JSON")
            }
            guard json.kind == .object || fault == .takesAnyJSON else {
                throw WebhookRejection(.malformed, "no object")
            }
            if fault == .refusesOddFields, json["text"].exists, json["text"].string == nil {
                throw WebhookRejection(.unauthorized, "odd")
            }
            let text = json["text"].string
            return WebhookOutcome(events: [
                InboundEvent(
                    id: EventID(fault == .namesNothing ? "" : "e1"), kind: .text, disposition: .answer,
                    place: .init(conversation: ConversationID("c")), text: fault == .losesText ? nil : text,
                    replyContext: ["address": "https://f.test/answers"])
            ])
        }

        func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
            guard case .send(let text, _) = action.kind else { return nil }
            let body = (fault == .leaksInBody ? Self.key : "") + (fault == .cutsTexts ? text.dropLast(9) : text[...])
            let name =
                switch fault {
                case .namesNoRepeats: "-"
                case .namesHalfOfThem: "\(action.id.high)"
                case .namesEachTry: "\(action.id)-\(now.seconds)"
                default: action.id.description
                }
            let url = fault == .answersStrangers ? action.replyContext["address"] : nil
            return OutboundRequest(url: url ?? "https://f.test", headers: ["Name": name], body: Array(body.utf8))
        }

        func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
            if fault == .callsItDelivered || response.status.isSuccess { return .delivered(nil) }
            let isTemporary = fault != .givesUpOnServers && (response.status.code >= 500 || response.status.code == 429)
            return .failed(DeliveryFailure(isTemporary ? .temporary : .refused, reason: "no"))
        }
    }

    /// The faults of one that fetches pictures.
    struct FaultyMedia: PlainFaulty, MediaFetching {
        let base: FaultyAdapter

        func fetchMedia(_ attachment: BridgeCore.Attachment, after responses: [OutboundResponse]) -> MediaStep {
            guard let url = attachment.url else { return .unavailable(reason: "no address") }
            let right = OutboundRequest.fetching(url, at: ["f.test"], or: [])
            let request = base.fault == .asksStrangers ? OutboundRequest(method: .get, url: url) : right
            return request.map { .request($0) } ?? .unavailable(reason: "not ours")
        }
    }

    static let profile = ConformanceProfile(
        now: Timestamp(seconds: 1_790_000_000),
        signing: .init(
            fields: ["Time", "Signature"], coversBody: true, tolerance: .seconds(10),
            sign: { request($0, $1, key: FaultyAdapter.key) }, signWrongly: { request($0, $1, key: "k2") }),
        payloads: [
            .init("a message", #"{"text":"x"}"#, [ExpectedEvent(.text, isAnswered: true, text: "x", conversation: "c")])
        ],
        message: { #"{"text":\#($0)}"# }, malformed: [], responses: [], secrets: [FaultyAdapter.key])

    static func request(_ body: [UInt8], _ now: Timestamp, key: String) -> WebhookRequest {
        let time = String(now.seconds)
        return WebhookRequest(
            target: "/", headers: ["Time": time, "Signature": FaultyAdapter.sign(body, time, key: key)], body: body)
    }

    @Test func `a right adapter has no findings`() {
        #expect(AdapterConformance(FaultyMedia(base: .init(fault: nil)), Self.profile, mutations: 200).findings() == [])
    }

    @Test(arguments: FaultyAdapter.Fault.allCases)
    func `a fault is found`(fault: FaultyAdapter.Fault) {
        #expect(
            !AdapterConformance(FaultyMedia(base: .init(fault: fault)), Self.profile, mutations: 500).findings().isEmpty
        )
    }
}

/// An adapter that is the faulty one but for some ability.
protocol PlainFaulty: Adapter {
    var base: AdapterConformanceTests.FaultyAdapter { get }
}

extension PlainFaulty {
    var platform: PlatformName { base.platform }
    var capabilities: Capabilities { base.capabilities }

    func receive(_ request: WebhookRequest, at now: Timestamp) throws(WebhookRejection) -> WebhookOutcome {
        try base.receive(request, at: now)
    }

    func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? { base.encode(action, at: now) }

    func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        base.interpret(response, to: action)
    }
}
