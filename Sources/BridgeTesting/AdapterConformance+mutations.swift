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

/// One random change of a payload.
enum PayloadMutation {
    /// Values of every type, and those that parsers fall over.
    private static let values = [
        "null", "true", "-1", "0", "1.5", "1e400", "-1e400", "9007199254740993", "99999999999999999999", "\"\"",
        "\"\\u0000\"", "\"\\ud800\"", "\"text\"", "[]", "{}", "[[[[]]]]", "[null]", "{\"id\":{}}", "[{\"id\":[]}]",
        "-9223372036854775808", "18446744073709551615", "1E-400",
    ].map { Array($0.utf8) }

    static func mutated(_ body: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        guard !body.isEmpty else { return body }
        var body = body
        for _ in 0...Int.random(in: 0..<3, using: &random) {
            guard !body.isEmpty else { break }
            let place = Int.random(in: 0..<body.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: body[place] = UInt8.random(in: .min ... .max, using: &random)
            case 1: body.removeSubrange(place..<min(body.count, place + Int.random(in: 1..<20, using: &random)))
            case 2: body.insert(contentsOf: body[place...].prefix(30), at: place)
            case 3: body.insert(UInt8.random(in: .min ... .max, using: &random), at: place)
            default: replaceValue(in: &body, near: place, using: &random)
            }
        }
        return body
    }

    /// Replaces a scalar behind the next colon, so that the body stays JSON and one field has another type.
    private static func replaceValue(in body: inout [UInt8], near place: Int, using random: inout SeededGenerator) {
        guard let colon = body[place...].firstIndex(of: UInt8(ascii: ":")) ?? body.firstIndex(of: UInt8(ascii: ":")),
            let value = values.randomElement(using: &random)
        else { return }
        var end = colon + 1
        if end < body.count, body[end] == UInt8(ascii: " ") { end += 1 }
        if end < body.count, body[end] == UInt8(ascii: "\"") {
            end += 1
            while end < body.count, body[end] != UInt8(ascii: "\"") {
                end += body[end] == UInt8(ascii: "\\") ? 2 : 1
            }
            end = min(end + 1, body.count)
        } else {
            while end < body.count, !",}]".utf8.contains(body[end]) { end += 1 }
        }
        body.replaceSubrange(colon + 1..<end, with: value)
    }
}
