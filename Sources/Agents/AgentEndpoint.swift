import BridgeCore
import HTTPCore

/// Where an agent is asked: the addresses, the header fields of every request, and what of them is secret.
struct AgentEndpoint: Sendable {
    /// The address without a trailing slash.
    ///
    /// It may hold a token.
    let base: String
    /// The words of this agent's failures.
    let words: AgentWords

    private let headers: HTTPFields
    /// The same with the media type that is asked for, unless the operator has set one.
    private let answerHeaders: HTTPFields
    private let streamHeaders: HTTPFields

    /// - Parameter extra: header fields that go last, so that they replace ours of the same name.
    init(base: String, apiKey: String?, extra: HTTPFields) {
        self.base = String(base.trimmingSuffix(while: { $0 == "/" }))
        var headers: HTTPFields = ["content-type": "application/json"]
        if let apiKey, !apiKey.isEmpty { headers["authorization"] = "Bearer \(apiKey)" }
        for field in extra.fields { headers[field.name] = field.value }
        self.headers = headers
        answerHeaders = Self.accepting("application/json", headers)
        streamHeaders = Self.accepting("text/event-stream", headers)
        // A header's value may be a scheme and a token, of which a server repeats only the token.
        let tokens = extra.fields.flatMap { $0.value.split(separator: " ").map(String.init) }
        words = AgentWords(hiding: [apiKey].compactMap(\.self) + extra.fields.map(\.value) + tokens)
    }

    /// The request that posts JSON to a path below the address.
    func post(_ json: [UInt8], to path: String, isStreaming: Bool) -> OutboundRequest {
        post(json, at: base + path, isStreaming: isStreaming)
    }

    /// The request that posts JSON to an address.
    func post(_ json: [UInt8], at url: String, isStreaming: Bool) -> OutboundRequest {
        OutboundRequest(url: url, headers: isStreaming ? streamHeaders : answerHeaders, body: json)
    }

    /// The request that fetches JSON from an address.
    func get(_ url: String) -> OutboundRequest {
        var headers = answerHeaders
        headers["content-type"] = nil
        return OutboundRequest(method: .get, url: url, headers: headers)
    }

    private static func accepting(_ mediaType: String, _ headers: HTTPFields) -> HTTPFields {
        var headers = headers
        if headers["accept"] == nil { headers.append("accept", mediaType) }
        return headers
    }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while predicate: (Character) -> Bool) -> SubSequence {
        var end = endIndex
        while end > startIndex, predicate(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
