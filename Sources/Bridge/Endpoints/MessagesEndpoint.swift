public import BridgeCore
internal import Crypto
internal import EventLoop
internal import HTTPCore
public import HTTPServer
internal import JSON
internal import Tracing

/// `POST /api/messages`: a message by our own API or the chat page, and its answer at once, streamed, or in the log.
public struct MessagesEndpoint: Sendable {
    private let bridge: Bridge
    private let access: APIAccess
    private let platform: PlatformName
    private let heartbeat: Duration

    /// The endpoint of this engine.
    ///
    /// - Parameters:
    ///   - platform: the local platform whose adapter reads the body.
    ///   - heartbeat: time between two comments on a stream, so that proxies keep it open while the agent is silent.
    public init(bridge: Bridge, access: APIAccess, platform: PlatformName, heartbeat: Duration = .seconds(15)) {
        self.bridge = bridge
        self.access = access
        self.platform = platform
        self.heartbeat = heartbeat
    }

    /// Answers one request.
    ///
    /// Call it on the engine's loop.
    public func respond(to request: HTTPRequest) -> HTTPResult {
        let visitor: String?
        switch access.check(request) {
        case .caller: visitor = nil
        case .visitor(let session): visitor = session
        case .refused(let response): return .now(response)
        }
        let isStreaming = request.headers["Accept"]?.contains("text/event-stream") == true
        let isWaiting = isStreaming || request.queryValue("wait") == "true"
        let listener = isWaiting ? ReplyListener(isStreaming: isStreaming) : nil
        switch take(request, visitor: visitor, listener: listener) {
        case .failure(let refusal): return .now(refusal.response)
        case .success((.taken(let results), let isAnswered)):
            return respond(results, isAnswered: isAnswered, to: listener)
        case .success((.claim(let arrivals), let isAnswered)):
            return .later {
                guard let results = await bridge.claimUndisturbed(arrivals) else { return MessagesEndpoint.away }
                switch respond(results, isAnswered: isAnswered, to: listener) {
                case .now(let response): return response
                case .later(let work): return await work()
                case .upgrade: return MessagesEndpoint.away
                }
            }
        case .success((.full, _)):
            return .now(
                .error(
                    .serviceUnavailable, code: "overloaded", message: "Too much is in work; try again.",
                    headers: ["Retry-After": "1"]))
        }
    }

    private static let away = HTTPResponse.error(
        .serviceUnavailable, code: "inbox_away", message: "The message cannot be kept safe at the moment; try again.",
        headers: ["Retry-After": "2"])

    private func respond(_ results: [Bridge.TakeResult], isAnswered: Bool, to listener: ReplyListener?) -> HTTPResult {
        guard case .taken(let id)? = results.first else {
            return .now(
                .error(HTTPStatus(409), code: "duplicate", message: "A message of this id was taken before."))
        }
        // What nobody answers is not waited for.
        guard let listener, isAnswered else {
            return .now(.json(object { $0.field("id", id.description) }, status: .accepted))
        }
        return listener.isStreaming ? .now(stream(listener, id: id)) : .later { await whole(listener, id: id) }
    }

    private struct Refusal: Error {
        let response: HTTPResponse
    }

    private func take(
        _ request: HTTPRequest, visitor: String?, listener: ReplyListener?
    ) -> Result<(Bridge.Admission, isAnswered: Bool), Refusal> {
        bridge.assumeIsolated { bridge in
            guard let platform = bridge.platforms[platform] else {
                return .failure(
                    Refusal(response: .error(.notFound, code: "not_found", message: "The chat is turned off here.")))
            }
            var headers = request.headers
            // The visitor's session names the conversation, whatever the body says.
            headers["X-ChatBridge-Conversation"] = visitor
            headers["X-ChatBridge-Event"] = bridge.ids.next(at: .now()).description
            let webhook = WebhookRequest(
                method: request.method, target: request.target, headers: headers, body: request.body)
            do throws(WebhookRejection) {
                guard let event = try platform.adapter.receive(webhook, at: .now()).events.first else {
                    throw WebhookRejection(.malformed, "the body holds no message")
                }
                return .success(
                    (
                        // A visitor's word of what is to be traced does not count.
                        bridge.admit(
                            [event], from: platform, listener: listener,
                            trace: visitor == nil ? TraceHeaders(request.headers) : nil),
                        event.disposition == .answer
                    ))
            } catch {
                return .failure(
                    Refusal(response: .error(.badRequest, code: "malformed", message: error.message)))
            }
        }
    }

    private func whole(_ listener: ReplyListener, id: UUID) async -> HTTPResponse {
        for await news in listener.news {
            switch news {
            case .text: continue
            case .done(let text, let attachments):
                return .json(object { write(id, text, attachments, to: &$0) })
            case .failed(let failure):
                return .error(
                    HTTPStatus(failure.kind == .timeout ? 504 : 502), code: "agent_\(failure.kind.code)",
                    message: failure.kind.words)
            }
        }
        return .error(.serviceUnavailable, code: "stopping", message: "The bridge is stopping; try again.")
    }

    private func stream(_ listener: ReplyListener, id: UUID) -> HTTPResponse {
        .eventStream { writer in
            let loop = writer.loop
            try await writer.send(event: "message", data: text { $0.field("id", id.description) })
            let heart = loop.spawn {
                while (try? await loop.sleep(for: heartbeat)) != nil {
                    try? await writer.sendComment()
                }
            }
            defer { heart.cancel() }
            for await news in listener.news {
                switch news {
                case .text(let piece):
                    try await writer.send(event: "delta", data: text { $0.field("text", piece) })
                case .done(let answer, let attachments):
                    try await writer.send(event: "done", data: text { write(id, answer, attachments, to: &$0) })
                case .failed(let failure):
                    try await writer.send(
                        event: "error",
                        data: text {
                            $0.field("code", "agent_\(failure.kind.code)")
                            $0.field("message", failure.kind.words)
                        })
                }
            }
        }
    }

    /// The answer; its attachments are there only when it has some, with their bytes as `data:` URLs (RFC 2397).
    private func write(
        _ id: UUID, _ answer: String, _ attachments: [OutboundAttachment], to object: inout JSONWriter
    ) {
        object.field("id", id.description)
        object.field("text", answer)
        guard !attachments.isEmpty else { return }
        object.arrayField("attachments") { list in
            for attachment in attachments {
                list.object {
                    $0.field("kind", attachment.kind.rawValue)
                    switch attachment.source {
                    case .url(let url): $0.field("url", url)
                    case .bytes(let bytes):
                        let type = attachment.contentType ?? "application/octet-stream"
                        $0.field("url", "data:\(type);base64,\(Base64.encode(bytes))")
                    // What a platform has is of no use anywhere else.
                    case .uploaded: break
                    }
                    $0.field("name", attachment.name)
                    $0.field("content_type", attachment.contentType)
                }
            }
        }
    }

    private func object(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(body)
        return writer.bytes
    }

    private func text(_ body: (inout JSONWriter) -> Void) -> String {
        String(decoding: object(body), as: UTF8.self)
    }
}

extension AgentFailure.Kind {
    /// The kind as callers of the API see it.
    fileprivate var code: String {
        self == .tooLarge ? "too_large" : rawValue
    }

    /// What a person is told; the agent's own words stay in our log.
    fileprivate var words: String {
        switch self {
        case .unreachable: "The agent cannot be reached."
        case .timeout: "The agent took too long."
        case .error: "The agent reported an error."
        case .unauthorized: "The agent refuses our credentials."
        case .refused: "The agent refused to answer this."
        case .suspended: "The agent waits for an approval."
        case .malformed: "The agent gave no usable answer."
        case .tooLarge: "The agent's answer is too large."
        }
    }
}
