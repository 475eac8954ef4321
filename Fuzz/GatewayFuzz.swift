import BridgeCore
import HTTPCore
import JSON

/// The sessions of the platforms that hold a WebSocket open.
let gatewayTargets: [FuzzTarget] = receivePlatforms.compactMap { platform in
    guard let adapter = platform.base as? any GatewayConnecting, !platform.greeting.isEmpty else { return nil }
    return FuzzTarget(
        name: "\(platform.name)-gateway", isStructured: true, weight: 2, fixtures: [platform.fixtures]
    ) { fuzz(platform, adapter, $0) }
}

/// Gives a session the input as frames, each behind the byte 0x1E: as they are, and as what the platform's envelope holds.
private func fuzz(_ platform: FuzzedPlatform, _ adapter: any GatewayConnecting, _ bytes: [UInt8]) {
    for isGreeted in [true, false] {
        var session = adapter.makeGatewaySession()
        _ = session.address(at: fuzzNow)
        check(session.opened(at: fuzzNow), platform)
        if isGreeted {
            for frame in platform.greeting { check(session.received(Array(frame.utf8), at: fuzzNow), platform) }
        }
        var last: UInt8 = 0
        for frame in bytes.split(separator: 0x1E).prefix(16) {
            check(session.received(Array(frame), at: fuzzNow), platform)
            if (try? JSONView(parsing: Array(frame))) != nil {
                for envelope in platform.envelopes {
                    check(session.received(envelope(Array(frame)), at: fuzzNow), platform)
                }
            }
            last = frame.last ?? 0
            if last & 1 == 0 { check(session.timerFired(at: fuzzNow.advanced(by: .seconds(Int64(last)))), platform) }
        }
        let code = [nil, 1000, 1006, 4000 + UInt16(last & 15)][Int(last >> 4) & 3]
        if case .reconnect(let pause?) = session.closed(GatewayClosure(code: code, reason: ""), at: fuzzNow) {
            promise(pause >= .zero, "a pause before now")
        }
        let answer = OutboundResponse(status: .ok, headers: [:], body: bytes)
        switch session.address(at: fuzzNow) {
        case .ask:
            if case .connect(let url, _) = session.address(from: answer, at: fuzzNow) {
                promise(url.hasPrefix("ws"), "an address that is none: \(url)")
                reach["addresses", default: 0] += 1
            }
        case .connect(let url, _): promise(url.hasPrefix("ws"), "an address that is none: \(url)")
        case .failed: break
        }
    }
}

private func check(_ commands: [GatewayCommand], _ platform: FuzzedPlatform) {
    for command in commands {
        switch command {
        case .send(let frame):
            promise((try? JSONView(parsing: frame)) != nil, "a frame that is no JSON")
        case .deliver(let events, let acknowledgement):
            for event in events { check(event, by: platform.base) }
            if let acknowledgement { promise((try? JSONView(parsing: acknowledgement)) != nil, "no JSON") }
        case .wake(let delay):
            promise(delay.map { $0 >= .zero && $0 < .seconds(86400 * 366) } ?? true, "a timer for \(delay ?? .zero)")
        case .replace: reach["replaced", default: 0] += 1
        case .disconnect(let code): promise((1000...4999).contains(code), "a close code that is none")
        case .note(let words): promise(!words.isEmpty, "a note of nothing")
        }
    }
}
