/// Which end of a connection we are: clients mask what they send, servers must not (RFC 6455, section 5.1).
enum WebSocketRole: Sendable {
    case client
    case server
}
