import BridgeCore
import HTTPCore

extension AdapterConformance {
    /// Whether messages that are said to be repeatable bear a name: the same whenever one is tried again, another for each other.
    ///
    /// The name is whatever stands in the request of one action and of no other, and again in that of a later try.
    func repeatFindings() -> [String] {
        let base = UUID(high: 0x0199_1234_5678_7ABC, low: 0x8123_4567_89AB_CDEF)
        var findings: [String] = []
        var hasRepeatable = false
        for (name, template) in messages() {
            var action = template
            action.id = base
            guard let request = adapter.encode(action, at: profile.now) else { continue }
            guard adapter.canRepeat(action) else { continue }
            hasRepeatable = true
            // What takes the place of what it made before needs no name.
            if request.method == .patch { continue }
            guard let later = adapter.encode(action, at: profile.now.advanced(by: .seconds(61))) else {
                findings.append("\(name): is not encoded a second time")
                continue
            }
            let lasting = Self.words(of: request).intersection(Self.words(of: later))
            for other in Self.neighbours(of: base) {
                action.id = other
                guard let another = adapter.encode(action, at: profile.now) else { continue }
                if lasting.isSubset(of: Self.words(of: another)) {
                    findings.append("\(name): the messages \(base) and \(other) bear the same name, or none")
                    break
                }
            }
        }
        if adapter.capabilities.hasIdempotentSends, !hasRepeatable {
            findings.append("says that sends are idempotent, and has no message that can be repeated")
        }
        return findings
    }

    /// Every kind of message, by each right, at each place of an answer.
    private func messages() -> [(name: String, action: OutboundAction)] {
        let attachment = OutboundAttachment(
            kind: .image, source: .url("https://files.example/1.png"), name: "1.png", contentType: "image/png")
        var bytes = attachment
        bytes.source = .bytes([1, 2, 3])
        var uploaded = attachment
        uploaded.source = .uploaded("image/1")
        var kinds: [(String, OutboundAction.Kind)] = [
            ("a text", .send(text: "words", format: .markdown)), ("a plain text", .send(text: "words", format: .plain)),
            ("a picture by its address", .sendAttachment(attachment, caption: nil)),
            ("a picture with words", .sendAttachment(attachment, caption: "words")),
            ("a picture's bytes", .sendAttachment(bytes, caption: nil)),
            ("a picture that was uploaded", .sendAttachment(uploaded, caption: nil)),
        ]
        if adapter.capabilities.messagesPerRequest > 1 {
            kinds.append(("several texts", .sendBatch(texts: ["one", "two"], format: .markdown)))
        }
        let events = profile.payloads.flatMap { payload in
            (try? adapter.receive(signed(payload.body), at: profile.now).events) ?? []
        }.filter { $0.disposition == .answer }
        var messages: [(String, OutboundAction)] = []
        for event in events {
            for (name, kind) in kinds {
                for part in 0...1 {
                    for means in [OutboundAction.Means.push, .reply] {
                        var action = action(kind, answering: event)
                        action.part = part
                        action.means = means
                        messages.append(("\(name), part \(part) by \(means) to \(event.id)", action))
                    }
                }
            }
        }
        return messages
    }

    /// Ids that differ in one bit each; those that say the version are the same in all.
    private static func neighbours(of id: UUID) -> [UUID] {
        (0..<64).filter { !(12...15).contains($0) }.map { UUID(high: id.high ^ 1 << UInt64($0), low: id.low) }
            + (0..<62).map { UUID(high: id.high, low: id.low ^ 1 << UInt64($0)) }
    }

    /// Whatever could be a name: address, header fields and body, cut at what no name holds.
    ///
    /// The boundary of a form is none, although it is made of the id: nobody looks at it.
    private static func words(of request: OutboundRequest) -> Set<Substring> {
        var text = "\(request.method.rawValue) \(request.url)"
        var boundary: String?
        for field in request.headers.fields {
            if let mark = field.value.firstRange(of: "boundary=") {
                boundary = field.value[mark.upperBound...].filter { $0 != "\"" }
                continue
            }
            text += "\n\(field.value)"
        }
        var body = String(decoding: request.body, as: UTF8.self)
        if let boundary, !boundary.isEmpty { body.replace(boundary, with: "") }
        text += "\n\(body)"
        return Set(text.split { !($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
    }
}
