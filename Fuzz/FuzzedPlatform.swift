import BridgeCore
import BridgeTesting
import Crypto
import HTTPCore

/// An adapter, and what it takes to pass its door with any body.
// @unchecked: libFuzzer has one thread.
struct FuzzedPlatform: @unchecked Sendable {
    /// The platform's name.
    let name: String
    /// What takes webhooks.
    let adapter: any Adapter
    /// The adapter with its abilities, where what takes webhooks is something around it.
    let base: any Adapter
    /// The folder of its recorded payloads.
    let fixtures: String
    /// Whether the same request becomes the same events each time.
    var isStateless = true
    /// Whether the body holds a part of what is asked for, so that another body may be refused.
    var holdsToken = false
    /// Makes a request of a body, signed.
    let sign: ([UInt8]) -> WebhookRequest
    /// The same of the query of a GET.
    let ask: (String) -> WebhookRequest
    /// The frames after which its gateway's session is in work; none where it has none.
    var greeting: [String] = []
    /// What its gateway wraps around a payload.
    var envelopes: [([UInt8]) -> [UInt8]] = []

    /// A platform whose fields are made of the body.
    init(
        _ adapter: any Adapter, base: (any Adapter)? = nil, name: String? = nil, fixtures: String? = nil,
        target: String = "/webhooks/x", method: HTTPMethod = .post, fields: @escaping ([UInt8]) -> HTTPFields
    ) {
        self.adapter = adapter
        self.base = base ?? adapter
        self.name = name ?? adapter.platform.rawValue
        self.fixtures = fixtures ?? adapter.platform.rawValue
        sign = { body in
            var headers = fields(body)
            let isForm = body.first != UInt8(ascii: "{") && body.contains(UInt8(ascii: "="))
            headers["Content-Type"] = isForm ? "application/x-www-form-urlencoded" : "application/json"
            return WebhookRequest(method: method, target: target, headers: headers, body: body)
        }
        ask = { WebhookRequest(method: .get, target: "\(target)?\($0)", headers: fields([]), body: []) }
    }
}

/// The targets of the adapters.
let receiveTargets: [FuzzTarget] = receivePlatforms.map { platform in
    FuzzTarget(name: platform.name, isStructured: true, weight: 3, fixtures: [platform.fixtures]) {
        fuzzReceive(platform, $0)
    }
}
