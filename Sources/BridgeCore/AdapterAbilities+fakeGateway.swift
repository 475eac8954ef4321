/// A platform whose gateway can be played by ourselves too: the other side of ``GatewaySession``.
///
/// The fake's address is that of its API; what ``GatewaySession/address(at:)`` asks for must lead there.
public protocol GatewayFaking: Faking, GatewayConnecting {
    /// The platform's side of a connection that has been opened.
    ///
    /// - Parameters:
    ///   - target: path and query of the handshake.
    ///   - host: where the fake listens, as `127.0.0.1:4010`.
    func makeFakeGateway(target: String, host: String) -> any FakeGatewayPeer
}

/// The platform's side of one connection to its gateway: a state machine without I/O.
public protocol FakeGatewayPeer: Sendable {
    /// The connection is open.
    mutating func opened(at now: Timestamp) -> [FakeGatewayCommand]

    /// The bridge sent a message.
    mutating func received(_ message: [UInt8], at now: Timestamp) -> [FakeGatewayCommand]

    /// A user writes something; the same event as ``Simulating/simulateWebhook(text:number:at:)`` tells of this number.
    ///
    /// - Returns: nil while the bridge has not yet said who it is.
    mutating func say(_ text: String, number: Int64, at now: Timestamp) -> [FakeGatewayCommand]?
}

/// What a fake of a gateway does.
public enum FakeGatewayCommand: Sendable, Equatable {
    /// Send a text message.
    case send([UInt8])
    /// Close the connection with this code.
    case close(code: UInt16, reason: String)
    /// Note what the bridge did, or what was wrong with it.
    case note(FakeAnswer.Action)
}
