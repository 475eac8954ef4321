internal import BridgeCore

extension AdapterConformance {
    /// Tries seeded random changes of every payload, signed rightly: any outcome is allowed but a crash, a refusal for
    /// a signature that is right, an event without a name or a place, or a secret in the words of an error.
    func mutationFindings() -> [String] {
        var findings: [String] = []
        for (number, payload) in profile.payloads.enumerated() {
            var random = SeededGenerator(seed: UInt64(number) &* 0x9E37 &+ 1)
            for round in 0..<mutations {
                let body = PayloadMutation.mutated(payload.body, using: &random)
                let name = "\(payload.name), mutation \(round)"
                do {
                    for event in try adapter.receive(signed(body), at: profile.now).events {
                        findings += complaints(about: event).map { "\(name): \($0)" }
                    }
                } catch {
                    if error.reason != .malformed { findings.append("\(name): \(error.reason)") }
                    findings += leaks(in: error.message, of: name)
                }
                if findings.count > 20 { return findings + ["… and perhaps more"] }
            }
        }
        return findings
    }

    /// Tries bodies, signed rightly, that are nested deeper than any parser's stack: each is a refusal or an outcome, never a crash.
    func bombs() -> [String] {
        let depth = 100_000
        let nested = Array(String(repeating: "[", count: depth).utf8) + Array(String(repeating: "]", count: depth).utf8)
        var bodies = [
            ("1 MiB of [", [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)), ("deep arrays", nested),
            ("deep objects", Array((String(repeating: #"{"a":"#, count: depth) + "1").utf8)),
        ]
        // Where the adapter would look for something: behind the first colon of a real payload.
        if let body = profile.payloads.first?.body, let colon = body.firstIndex(of: UInt8(ascii: ":")) {
            bodies.append(
                ("a deep value", body[...colon] + nested + body[(colon + 1)...].drop { !",}".utf8.contains($0) }))
        }
        var findings: [String] = []
        for (name, body) in bodies {
            do {
                for event in try adapter.receive(signed(body), at: profile.now).events {
                    findings += complaints(about: event).map { "\(name): \($0)" }
                }
            } catch {
                if error.reason != .malformed { findings.append("\(name): \(error.reason)") }
            }
        }
        return findings
    }

    private func complaints(about event: InboundEvent) -> [String] {
        var complaints: [String] = []
        if event.id.rawValue.isEmpty { complaints.append("an event without an identifier") }
        if event.place.conversation.rawValue.isEmpty { complaints.append("an event without a conversation") }
        if case .answer = event.disposition, adapter.capabilities.transport == .http,
            adapter.encode(action(.send(text: "words", format: .plain), answering: event), at: profile.now) == nil
        {
            complaints.append("an event that cannot be answered")
        }
        return complaints
    }
}
