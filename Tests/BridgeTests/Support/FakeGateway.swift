import BridgeCore
import BridgeTesting
import EventLoop
import HTTPCore
import HTTPServer
import JSON
import Synchronization
import WebSocket

/// The plain platform by a gateway.
///
/// The server greets with `{"hello":MILLISECONDS}`, how often it wants a heartbeat; the client
/// says `{"identify":true}` or `{"resume":N}` with the number of the last event; the server sends `{"number":N,"event":{…}}`, which
/// is acknowledged by `{"ack":N}`, and asks for a take-over by `{"replace":true}`. 4004 is final.
struct GatewayAdapter: PlainBased, GatewayConnecting {
    let plain: PlainAdapter
    /// Where the session asks for the gateway's address; nil connects to ``url``.
    var question: String?
    let url: String

    var isGatewayEnabled: Bool { true }

    func makeGatewaySession() -> any GatewaySession { Session(adapter: self) }

    struct Session: GatewaySession {
        let adapter: GatewayAdapter
        var last: Int64?
        var interval: Duration?

        mutating func address(at now: Timestamp) -> GatewayAddress {
            if let question = adapter.question { return .ask(OutboundRequest(method: .get, url: question)) }
            return .connect(url: adapter.url, headers: [("X-Bot", "plain")])
        }

        mutating func address(from response: OutboundResponse, at now: Timestamp) -> GatewayAddress {
            guard response.status.isSuccess else {
                let isTemporary = response.status.code >= 500
                return .failed(DeliveryFailure(isTemporary ? .temporary : .unauthorized, reason: "no address"))
            }
            return .connect(url: String(decoding: response.body, as: UTF8.self), headers: [])
        }

        mutating func opened(at now: Timestamp) -> [GatewayCommand] { [] }

        mutating func received(_ message: [UInt8], at now: Timestamp) -> [GatewayCommand] {
            guard let view = try? JSONView(parsing: message) else { return [.note("no JSON")] }
            if let hello = view["hello"].int {
                interval = .milliseconds(hello)
                let greeting = last.map { #"{"resume":\#($0)}"# } ?? #"{"identify":true}"#
                return [.send(Array(greeting.utf8)), .wake(after: interval)]
            }
            if view["replace"].bool == true { return [.replace] }
            if let code = view["leave"].int { return [.disconnect(code: UInt16(code))] }
            guard let number = view["number"].int else { return [] }
            last = number
            let item = view["event"]
            let event = event(item["id"].string ?? "", item["text"].string)
            return [.deliver([event], acknowledgement: Array(#"{"ack":\#(number)}"#.utf8))]
        }

        mutating func timerFired(at now: Timestamp) -> [GatewayCommand] {
            [.send(Array(#"{"heartbeat":true}"#.utf8)), .wake(after: interval)]
        }

        mutating func closed(_ closure: GatewayClosure, at now: Timestamp) -> GatewayRecovery {
            closure.code == 4004 ? .stop(reason: "the token is wrong") : .reconnect(after: .zero)
        }
    }
}

/// A gateway whose connections a test scripts: the first one plays the first script, and so on; the last script is repeated.
final class FakeGateway: Sendable {
    /// Plays one connection; when it throws, the connection is cut.
    typealias Script = @Sendable (WebSocketConnection, Record) async throws -> Void

    /// What came of the connections, by their number.
    final class Record: Sendable {
        private let lists = Mutex<[[String]]>([])
        private let ends = Mutex<[Int: WebSocketClosure]>([:])
        private let fields = Mutex<[HTTPFields]>([])

        /// What each connection has heard, in order.
        var heard: [[String]] { lists.withLock { $0 } }
        /// The fields of each handshake.
        var headers: [HTTPFields] { fields.withLock { $0 } }
        /// How connections ended.
        var closures: [Int: WebSocketClosure] { ends.withLock { $0 } }

        func begin(_ headers: HTTPFields) -> Int {
            fields.withLock { $0.append(headers) }
            return lists.withLock { lists in
                lists.append([])
                return lists.count - 1
            }
        }

        func hear(_ text: String, on number: Int) { lists.withLock { $0[number].append(text) } }
        func end(_ number: Int, _ closure: WebSocketClosure) { ends.withLock { $0[number] = closure } }
    }

    let record = Record()
    let url: String
    private let loop: EventLoop

    init(_ scripts: [Script]) async throws {
        let loop = try EventLoop()
        loop.startThread(name: "fake gateway")
        let server = HTTPServer(on: loop) { [record] request in
            .webSocket(request) { connection in
                let number = record.begin(request.headers)
                let reading = loop.spawn {
                    do {
                        for try await message in connection.messages {
                            if case .text(let text) = message { record.hear(text, on: number) }
                        }
                    } catch {}
                    if let closure = await connection.closure { record.end(number, closure) }
                }
                do {
                    try await scripts[min(number, scripts.count - 1)](connection, record)
                } catch {
                    await connection.cut()
                }
                await reading.value
            }
        }
        try await server.start()
        url = "ws://127.0.0.1:\(await server.port)/gateway"
        self.loop = loop
    }

    deinit { loop.stop() }
}

extension WebSocketConnection {
    /// Greets a client.
    func hello(every milliseconds: Int = 60_000) async throws {
        try await send(text: #"{"hello":\#(milliseconds)}"#)
    }

    /// Tells an event of this number.
    func tell(_ number: Int) async throws {
        try await send(text: #"{"number":\#(number),"event":{"id":"\#(number)","text":"\#(number)"}}"#)
    }
}
