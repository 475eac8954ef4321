import BridgeCore
import BridgeTesting
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import TestSupport

/// The API of the plain platform, over a real socket: keeps what it was told and when, and fails when it is told to.
final class FakePlatform: Sendable {
    /// One request to the platform.
    struct Call: Sendable {
        let at: ContinuousClock.Instant
        let path: String
        let conversation: String
        let text: String?
        let format: String?
        let message: String?
        let action: String
        let replyTo: String?

        /// `send text` or `edit m1 text`, as tests compare it.
        var short: String {
            ([String(path.dropFirst())] + [message, text].compactMap(\.self)).joined(separator: " ")
        }
    }

    /// What the platform answers to a call; nil: it takes it.
    typealias Script = @Sendable (_ call: Call, _ number: Int) async -> HTTPResponse?

    private let server: RecordingServer
    private let calls: CallList

    /// - Parameters:
    ///   - namesMessages: false for a platform that does not say what it calls a message.
    ///   - script: asked with each call and its number, from 0.
    init(namesMessages: Bool = true, _ script: @escaping Script = { _, _ in nil }) async throws {
        let calls = CallList()
        server = try await RecordingServer { request in
            let call = Call(request, at: .now)
            let number = calls.list.withLock { list in
                list.append(call)
                return list.count - 1
            }
            if let response = await script(call, number) { return response }
            return namesMessages && call.path == "/send" ? .json(Array(#"{"message":"m\#(number)"}"#.utf8)) : .json([])
        }
        self.calls = calls
    }

    private final class CallList: Sendable {
        let list = Mutex<[Call]>([])
    }

    var all: [Call] { calls.list.withLock { $0 } }

    /// The calls to a path.
    func all(_ path: String) -> [Call] { all.filter { $0.path == path } }

    /// The texts that were sent, in order.
    var texts: [String] { all("/send").compactMap(\.text) }

    /// The requests in short.
    var story: [String] { all.map(\.short) }

    /// The adapter for this platform.
    func adapter(
        limit: Int = 4096, editInterval: Duration? = nil, typingInterval: Duration? = nil,
        rates: Capabilities.Rates = .init(), hasIdempotentSends: Bool = false
    ) -> PlainAdapter {
        PlainAdapter(
            apiBase: server.url,
            capabilities: Capabilities(
                textLimit: .init(limit, .utf16), editInterval: editInterval, typingInterval: typingInterval,
                rates: rates, hasIdempotentSends: hasIdempotentSends))
    }

    /// A refusal in the platform's words.
    static func refusal(_ error: String, status: Int = 400, to: String? = nil) -> HTTPResponse {
        var writer = JSONWriter()
        writer.object {
            $0.field("error", error)
            $0.field("to", to)
        }
        return .json(writer.bytes, status: HTTPStatus(status))
    }

    /// "Too many requests": come back after so many seconds.
    static func tooFast(after seconds: Double) -> HTTPResponse {
        var response = refusal("too fast", status: 429)
        response.headers["Retry-After"] = "\(seconds)"
        return response
    }
}

extension FakePlatform.Call {
    fileprivate init(_ request: HTTPRequest, at now: ContinuousClock.Instant) {
        let body = (try? JSONView(parsing: request.body)) ?? .missing
        at = now
        path = request.path
        conversation = body["conversation"].string ?? ""
        text = body["text"].string
        format = body["format"].string
        message = body["message"].string
        action = body["action"].string ?? ""
        replyTo = body["reply_to"].string
    }
}
