public import BridgeCore
internal import HTTPCore
internal import JSON

/// The suite that every adapter runs: it tries what a platform, a mistake or an attacker may send, and lists what is
/// wrong.
public struct AdapterConformance: Sendable {
    let adapter: any Adapter
    let profile: ConformanceProfile
    /// How many mutations of each payload are tried.
    let mutations: Int

    /// A trial of one adapter.
    ///
    /// - Parameter mutations: how many mutations of each payload are tried; each takes some ten microseconds.
    public init(_ adapter: any Adapter, _ profile: ConformanceProfile, mutations: Int = 2000) {
        self.adapter = adapter
        self.profile = profile
        self.mutations = mutations
    }

    /// What is wrong, a line each; empty when the adapter keeps its contract.
    public func findings() -> [String] {
        meanings() + authentication() + badBodies() + strangeTexts() + mutationFindings() + bombs() + requests()
            + longAnswers()
            + responses()
            + fakeFindings() + addressFindings() + repeatFindings()
    }

    /// A request with a body, rightly signed.
    func signed(_ body: [UInt8]) -> WebhookRequest { profile.signing.sign(body, profile.now) }

    // MARK: What payloads become

    private func meanings() -> [String] {
        var findings: [String] = []
        for payload in profile.payloads {
            do {
                let events = try adapter.receive(signed(payload.body), at: profile.now).events.map {
                    ExpectedEvent(of: $0)
                }
                if events.count != payload.events.count {
                    findings.append("\(payload.name): \(events.count) events instead of \(payload.events.count)")
                }
                for (expected, actual) in zip(payload.events, events) {
                    findings += expected.differences(from: actual).map { "\(payload.name): \($0)" }
                }
            } catch {
                findings.append("\(payload.name): refused: \(error.message)")
            }
        }
        return findings
    }

    // MARK: Who may send

    private func authentication() -> [String] {
        guard let body = profile.payloads.first?.body else { return ["the profile has no payload"] }
        let signing = profile.signing
        let right = signing.sign(body, profile.now)
        var findings: [String] = []
        func mustRefuse(_ name: String, _ request: WebhookRequest, at now: Timestamp) {
            do {
                _ = try adapter.receive(request, at: now)
                findings.append("accepted \(name)")
            } catch {
                if error.reason != .unauthorized { findings.append("\(name): \(error.reason), not unauthorized") }
                findings += leaks(in: error.message, of: name)
            }
        }
        func mustAccept(_ name: String, _ request: WebhookRequest, at now: Timestamp) {
            do { _ = try adapter.receive(request, at: now) } catch {
                findings.append("refused \(name): \(error.message)")
            }
        }
        mustAccept("a right signature", right, at: profile.now)
        for field in signing.fields {
            var request = right
            request.headers[field] = nil
            mustRefuse("a request without \(field)", request, at: profile.now)
            request.headers[field] = ""
            mustRefuse("a request with an empty \(field)", request, at: profile.now)
            request.headers[field] = (right.headers[field] ?? "") + "0"
            mustRefuse("a request with a longer \(field)", request, at: profile.now)
            request.headers[field] = String((right.headers[field] ?? "").dropLast())
            mustRefuse("a request with a shorter \(field)", request, at: profile.now)
            request.headers[field] = String(repeating: "é\u{0}", count: 5000)
            mustRefuse("a request with nonsense in \(field)", request, at: profile.now)
        }
        if !signing.fields.isEmpty {
            mustRefuse("a signature by another key", signing.signWrongly(body, profile.now), at: profile.now)
        }
        if signing.coversBody {
            var request = right
            request.body.append(UInt8(ascii: " "))
            mustRefuse("a longer body", request, at: profile.now)
            for index in stride(from: 0, to: body.count, by: max(1, body.count / 50)) {
                request.body = body
                request.body[index] ^= 1
                mustRefuse("a body changed at byte \(index)", request, at: profile.now)
            }
        }
        if let tolerance = signing.tolerance {
            let late = profile.now.advanced(by: tolerance)
            let early = profile.now.advanced(by: .zero - tolerance)
            mustAccept("a signature at the end of its time", right, at: late)
            mustAccept("a signature a little in the future", right, at: early)
            mustRefuse("a stale signature", right, at: late.advanced(by: .seconds(1)))
            mustRefuse("a signature of the future", right, at: early.advanced(by: .seconds(-1)))
        }
        return findings
    }

    // MARK: Bodies that are none

    private func badBodies() -> [String] {
        let nested = String(repeating: "[", count: 100_000)
        let bodies = ["", " ", "{", "[]", "null", "\"text\"", "17", "{]", "<html>", nested] + profile.malformed
        var findings: [String] = []
        for body in bodies.map({ Array($0.utf8) }) + [[0xFF, 0xFE, 0x00], [0x7B, 0x22, 0xC3, 0x28, 0x22, 0x7D]] {
            let name = "the body '\(String(decoding: body.prefix(40), as: UTF8.self))'"
            do {
                _ = try adapter.receive(signed(body), at: profile.now)
                findings.append("accepted \(name)")
            } catch {
                if error.reason != .malformed { findings.append("\(name): \(error.reason), not malformed") }
                findings += leaks(in: error.message, of: name)
            }
        }
        return findings
    }

    // MARK: Texts that are hard to carry

    private func strangeTexts() -> [String] {
        let texts: [(name: String, literal: String, text: String)] = [
            ("NUL", #""a\u0000b""#, "a\u{0}b"),
            ("a lone surrogate", #""a\ud83d b""#, "a\u{FFFD} b"),
            ("a surrogate pair", #""\ud83d\ude00""#, "😀"),
            ("right-to-left and combining text", "\"שלום e\u{301} \u{200F}مرحبا 👨‍👩‍👧\"", "שלום e\u{301} \u{200F}مرحبا 👨‍👩‍👧"),
            (
                "every control character", #""\u0001\u0002\b\t\n\u000b\f\r\u001b\u007f""#,
                "\u{1}\u{2}\u{8}\t\n\u{b}\u{c}\r\u{1b}\u{7f}"
            ),
            ("1 MiB", "\"\(String(repeating: "ä", count: 524_288))\"", String(repeating: "ä", count: 524_288)),
        ]
        var findings: [String] = []
        for (name, literal, text) in texts {
            let events = try? adapter.receive(signed(Array(profile.message(literal).utf8)), at: profile.now).events
            guard let event = events?.first, events?.count == 1 else {
                findings.append("a text with \(name): not one event")
                continue
            }
            // Compared by their bytes: `==` takes canonically equivalent texts for equal.
            if event.text.map({ Array($0.utf8) }) != Array(text.utf8) {
                findings.append("a text with \(name) was changed")
            }
        }
        if let messageWithAttachments = profile.messageWithAttachments {
            let body = Array(messageWithAttachments(10_000).utf8)
            let events = try? adapter.receive(signed(body), at: profile.now).events
            if events?.first?.attachments.isEmpty != false { findings.append("10,000 attachments: none was kept") }
        }
        return findings
    }

    // MARK: What goes out

    private func requests() -> [String] {
        let texts = [
            "words", "**bold** <b> & `code` _x_", "\u{0}\u{FFFD}\"\\ 👩‍👩‍👧", "```\nfence\n```", "> quote\n- item\n1. one",
        ]
        var findings: [String] = []
        for payload in profile.payloads {
            for event in (try? adapter.receive(signed(payload.body), at: profile.now).events) ?? [] {
                var kinds: [OutboundAction.Kind] = [.typing] + event.followUps
                for text in texts {
                    for format in [OutboundAction.Format.markdown, .plain] {
                        kinds += [
                            .send(text: text, format: format),
                            .edit(message: PlatformMessageID("7"), text: text, format: format),
                        ]
                    }
                }
                for kind in kinds {
                    let action = self.action(kind, answering: event)
                    guard let request = adapter.encode(action, at: profile.now) else {
                        if case .send = kind, case .answer = event.disposition, adapter.capabilities.transport == .http
                        {
                            findings.append("\(payload.name): encodes no answer")
                        }
                        continue
                    }
                    findings += leaks(in: String(decoding: request.body, as: UTF8.self), of: "\(payload.name): a body")
                    if request.headers["Content-Type"]?.hasPrefix("application/json") == true,
                        (try? JSONView(parsing: request.body)) == nil
                    {
                        findings.append("\(payload.name): encodes a body that is no JSON")
                    }
                }
            }
        }
        return findings
    }

    private func longAnswers() -> [String] {
        guard adapter.capabilities.transport == .http else { return [] }
        for payload in profile.payloads {
            let events = (try? adapter.receive(signed(payload.body), at: profile.now).events) ?? []
            guard let event = events.first(where: { $0.disposition == .answer }) else { continue }
            let findings = LongAnswer().findings(through: adapter, answering: event, at: profile.now)
            return findings.map { "\(payload.name): a long answer: \($0)" }
        }
        return []
    }

    // MARK: What comes back

    private func responses() -> [String] {
        var findings: [String] = []
        for row in profile.responses {
            let result = adapter.interpret(row.response, to: action(row.action, answering: nil))
            if !result.isSame(as: row.meaning) { findings.append("\(row.name): \(result), not \(row.meaning)") }
            if case .failed(let failure) = result {
                findings += leaks(in: failure.reason, of: "\(row.name): the reason")
            }
        }
        // Whatever a proxy, half a body or a server in flames says: some result, no crash, no delivery out of nothing.
        let bodies = [
            "", "{", "null", "[]", "true", "\"ok\"", "<html>busy</html>", #"{"ok":false}"#, #"{"ok":"yes"}"#,
            "{\"a\":\(String(repeating: "[", count: 5000))",
        ]
        for status in [400, 401, 403, 404, 408, 409, 410, 418, 429, 500, 502, 503, 504, 599] {
            for body in bodies {
                let response = OutboundResponse(status: HTTPStatus(status), body: Array(body.utf8))
                let result = adapter.interpret(
                    response, to: action(.send(text: "words", format: .plain), answering: nil))
                if case .delivered = result {
                    findings.append("HTTP \(status) '\(body.prefix(20))' counts as delivered")
                }
                if case .failed(let failure) = result {
                    if status >= 500, !failure.isTemporary {
                        findings.append("HTTP \(status) is permanent: \(failure)")
                    }
                    if status == 429, !failure.isTemporary { findings.append("HTTP 429 is permanent: \(failure)") }
                }
            }
        }
        return findings
    }

    func action(_ kind: OutboundAction.Kind, answering event: InboundEvent?) -> OutboundAction {
        OutboundAction(
            id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind,
            place: event?.place ?? InboundEvent.Place(conversation: ConversationID("42")), replyTo: event?.messageID,
            replyContext: event?.replyContext ?? [:])
    }

    /// The finding that some text holds a secret.
    func leaks(in text: String, of name: String) -> [String] {
        profile.secrets.contains { !$0.isEmpty && text.contains($0) } ? ["\(name) holds a secret"] : []
    }
}

extension DeliveryResult {
    /// Equal but for the words of a failure.
    fileprivate func isSame(as other: DeliveryResult) -> Bool {
        switch (self, other) {
        case (.delivered(let one), .delivered(let two)): one == two
        case (.deliveredBatch(let one), .deliveredBatch(let two)): one == two
        case (.failed(let one), .failed(let two)): one.kind == two.kind
        default: false
        }
    }
}
