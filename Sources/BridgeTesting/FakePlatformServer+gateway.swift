internal import BridgeCore
internal import EventLoop
internal import HTTPCore
internal import HTTPServer
internal import WebSocket

/// One connection to a fake's gateway.
final class FakeGatewayLink {
    let connection: WebSocketConnection
    var peer: any FakeGatewayPeer

    init(connection: WebSocketConnection, peer: any FakeGatewayPeer) {
        self.connection = connection
        self.peer = peer
    }
}

extension FakePlatformServer {
    /// Plays the gateway to a connection until it ends.
    func serve(_ connection: WebSocketConnection, _ request: HTTPRequest, as adapter: any GatewayFaking) async {
        let link = FakeGatewayLink(
            connection: connection,
            peer: adapter.makeFakeGateway(target: request.target, host: request.headers["Host"] ?? "localhost"))
        gateways.append(link)
        await perform(link.peer.opened(at: .now()), on: link)
        do {
            for try await message in connection.messages {
                let bytes: [UInt8] =
                    switch message {
                    case .text(let text): Array(text.utf8)
                    case .binary(let bytes): bytes
                    }
                await perform(link.peer.received(bytes, at: .now()), on: link)
            }
        } catch {
            note(.other("gateway: \(error)"))
        }
        gateways.removeAll { $0 === link }
    }

    /// Has the newest connection that can take it tell what a user wrote; false when there is none.
    func sayByGateway(_ text: String, number: Int64) async -> Bool {
        for link in gateways.reversed() {
            guard let commands = link.peer.say(text, number: number, at: .now()) else { continue }
            await perform(commands, on: link)
            return true
        }
        return false
    }

    private func perform(_ commands: [FakeGatewayCommand], on link: FakeGatewayLink) async {
        for command in commands {
            switch command {
            case .send(let bytes):
                try? await link.connection.send(.text(String(decoding: bytes, as: UTF8.self)))
            case .close(let code, let reason):
                let connection = link.connection
                // Not waited for: the reading ends when the bridge has answered.
                loop.spawn { await connection.close(WebSocketCloseCode(rawValue: code), reason: reason) }
            case .note(let action):
                note(action)
            }
        }
    }
}
