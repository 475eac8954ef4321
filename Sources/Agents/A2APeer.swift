import BridgeCore
import Crypto
import HTTPCore
import JSON

/// An A2A agent whose card is known.
struct A2APeer: Agent, CustomStringConvertible {
    var name: String { "a2a" }
    var needsHistory: Bool { false }

    let interface: A2AInterface
    let endpoint: AgentEndpoint
    let takesImages: Bool

    /// How it is asked, for operators.
    var description: String {
        let binding =
            switch interface.binding {
            case .jsonRPC03: "A2A 0.3 by JSON-RPC"
            case .jsonRPC10: "A2A 1.0 by JSON-RPC"
            case .rest10: "A2A 1.0 by HTTP"
            }
        return "\(binding) at \(interface.url)\(interface.isStreaming ? ", streams" : "")"
    }

    func ask(_ turn: AgentTurn) -> AgentCall {
        let isStreaming = turn.isStreaming && interface.isStreaming
        var params = JSONWriter(capacity: 1024 + turn.text.utf8.count)
        params.object { writeParameters(of: turn, isStreaming: isStreaming, to: &$0) }
        let request: OutboundRequest
        switch interface.binding {
        case .jsonRPC03:
            request = call(isStreaming ? "message/stream" : "message/send", params.bytes, turn.id, isStreaming)
        case .jsonRPC10:
            request = call(isStreaming ? "SendStreamingMessage" : "SendMessage", params.bytes, turn.id, isStreaming)
        case .rest10:
            request = sending(
                to: base + (isStreaming ? "/message:stream" : "/message:send"), params.bytes, isStreaming: isStreaming)
        }
        let reader = A2AReader(peer: self, question: turn.id, words: endpoint.words)
        return .request(request, decoder: ResponseDecoder(reader, words: endpoint.words))
    }

    /// Asks how far a task is.
    func taskRequest(_ task: String, for question: UUID) -> OutboundRequest {
        if interface.binding == .rest10 {
            return versioned(endpoint.get(base + "/tasks/" + HTTPPercentEncoding.encode(task)))
        }
        var params = JSONWriter()
        params.object {
            if interface.binding == .jsonRPC10 { $0.field("tenant", interface.tenant) }
            $0.field("id", task)
        }
        return call(interface.binding == .jsonRPC03 ? "tasks/get" : "GetTask", params.bytes, question, false)
    }

    /// The address with the tenant, which goes before each path of the HTTP binding.
    private var base: String {
        interface.tenant.map { "\(interface.url)/\(HTTPPercentEncoding.encode($0))" } ?? interface.url
    }

    private func call(_ method: String, _ params: [UInt8], _ id: UUID, _ isStreaming: Bool) -> OutboundRequest {
        var writer = JSONWriter(capacity: 128 + params.count)
        writer.object {
            $0.field("jsonrpc", "2.0")
            $0.field("id", id.description)
            $0.field("method", method)
            $0.rawField("params", params)
        }
        return sending(to: interface.url, writer.bytes, isStreaming: isStreaming)
    }

    private func sending(to url: String, _ body: [UInt8], isStreaming: Bool) -> OutboundRequest {
        versioned(endpoint.post(body, at: url, isStreaming: isStreaming))
    }

    /// Without the header field, a server of 1.0 takes a request for one of 0.3 (specification 1.0, section 3.6.2).
    private func versioned(_ request: OutboundRequest) -> OutboundRequest {
        var request = request
        request.isUntrustedAddress = interface.isUntrustedAddress
        if interface.binding != .jsonRPC03 { request.headers["A2A-Version"] = "1.0" }
        return request
    }

    private func writeParameters(of turn: AgentTurn, isStreaming: Bool, to params: inout JSONWriter) {
        let isOld = interface.binding == .jsonRPC03
        if interface.binding == .jsonRPC10 { params.field("tenant", interface.tenant) }
        params.objectField("message") { message in
            if isOld { message.field("kind", "message") }
            message.field("role", isOld ? "user" : "ROLE_USER")
            message.field("messageId", turn.id.description)
            message.field("contextId", turn.threadName)
            // The task that asked for this message.
            message.field("taskId", turn.continuation)
            message.arrayField("parts") { parts in
                parts.object {
                    if isOld { $0.field("kind", "text") }
                    $0.field("text", turn.text)
                }
                guard takesImages else { return }
                for file in turn.files where interface.takes(file.contentType) { write(file, to: &parts) }
            }
            message.objectField("metadata") { metadata in
                for pair in turn.context {
                    metadata.key(pair.name)
                    metadata.value(pair.value)
                }
            }
        }
        // Version 1.0 waits for the task's end unless it is told not to; older servers differ.
        if isOld, !isStreaming { params.objectField("configuration") { $0.field("blocking", true) } }
    }

    private func write(_ file: AgentFile, to parts: inout JSONWriter) {
        let isOld = interface.binding == .jsonRPC03
        func writeContent(_ part: inout JSONWriter) {
            switch file.content {
            case .bytes(let bytes): part.field(isOld ? "bytes" : "raw", Base64.encode(bytes))
            case .url(let url): part.field(isOld ? "uri" : "url", url)
            }
            part.field(isOld ? "mimeType" : "mediaType", file.contentType)
            part.field(isOld ? "name" : "filename", file.name)
        }
        parts.object { part in
            guard isOld else { return writeContent(&part) }
            part.field("kind", "file")
            part.objectField("file") { writeContent(&$0) }
        }
    }
}
