internal import BridgeCore
internal import HTTPCore

/// The adapter and the fake of its platform against each other: what one encodes the other must understand, and the other way.
extension AdapterConformance {
    func fakeFindings() -> [String] {
        guard let fake = adapter as? any Faking else { return [] }
        return simulatedMessages(fake) + deliveries(fake) + faults(fake)
    }

    private func simulatedMessages(_ fake: any Faking) -> [String] {
        var findings: [String] = []
        var ids: Set<String> = []
        for number in Int64(1)...3 {
            let text = "simulated <\(number)> & *é* 👩‍🚀"
            let request = fake.simulateWebhook(text: text, number: number, at: profile.now)
            do {
                let events = try receive(request).filter { $0.disposition == .answer }
                if events.count != 1 { findings.append("a simulated message is \(events.count) events to answer") }
                for event in events {
                    if event.text != text { findings.append("a simulated '\(text)' reads '\(event.text ?? "nil")'") }
                    ids.insert(event.id.rawValue)
                }
            } catch {
                findings.append("a simulated message is refused: \(error.message)")
            }
        }
        if ids.count != 3 { findings.append("simulated messages share their ids: \(ids)") }
        return findings
    }

    private func deliveries(_ fake: any Faking) -> [String] {
        let event = try? receive(fake.simulateWebhook(text: "hi", number: 1, at: profile.now)).first
        var findings: [String] = []
        for format in [OutboundAction.Format.plain, .markdown] {
            for means in means {
                var action = action(.send(text: "words", format: format), answering: event)
                action.means = means
                guard let request = encoded(action) else {
                    findings.append("a message cannot be encoded, by \(means)")
                    continue
                }
                guard let answer = fake.fakeAnswer(to: request, number: 7, at: profile.now) else {
                    findings.append("the fake has no \(request.method) \(request.path)")
                    continue
                }
                let texts = answer.actions.compactMap { action in
                    switch action {
                    case .message(_, _, let text), .edit(_, _, let text): text
                    default: nil
                    }
                }
                if !texts.joined().contains("words") {
                    findings.append("the fake understands a message as \(answer.actions)")
                }
                if case .failed(let failure) = adapter.interpret(answer.response, to: action) {
                    findings.append("the fake's answer to a message means \(failure.kind)")
                }
                findings += leaks(in: String(decoding: answer.response.body, as: UTF8.self), of: "the fake's answer")
            }
        }
        return findings
    }

    private var means: [OutboundAction.Means] {
        let rules = adapter.capabilities.replies
        return (rules.token == nil ? [] : [.reply]) + (rules.push == .never ? [] : [.push])
    }

    private func faults(_ fake: any Faking) -> [String] {
        let action = action(.send(text: "words", format: .markdown), answering: nil)
        guard let request = encoded(action) else { return [] }
        var findings: [String] = []
        for fault in [
            PlatformFault.rateLimited(after: .seconds(7)), .serverError, .unauthorized, .blocked, .gone,
            .formattingRefused,
        ] {
            let response = fake.fakeFault(fault, to: request)
            guard case .failed(let failure) = adapter.interpret(response, to: action) else {
                findings.append("\(fault) counts as delivered")
                continue
            }
            let isRight =
                switch (fault, failure.kind) {
                case (.rateLimited(let delay), .rateLimited(let after)): after == nil || after == delay
                case (.serverError, .temporary), (.unauthorized, .unauthorized), (.gone, .gone): true
                // Some platforms do not tell a user who blocked us from one who is gone.
                case (.blocked, .blocked), (.blocked, .gone): true
                case (.formattingRefused, .formattingRefused), (.formattingRefused, .gone): true
                default: false
                }
            if !isRight { findings.append("\(fault) means \(failure.kind)") }
            findings += leaks(in: failure.reason, of: "the reason of \(fault)")
        }
        return findings
    }

    /// The request of an action as the platform's fake sees it.
    private func encoded(_ action: OutboundAction) -> FakeRequest? {
        guard var request = adapter.encode(action, at: profile.now) else { return nil }
        if let adapter = adapter as? any TokenRefreshing, request.bearsToken, let token = profile.accessToken {
            adapter.authorize(&request, with: Secret(token))
        }
        var target = request.url[...]
        if let scheme = target.range(of: "://") {
            target = target[scheme.upperBound...].drop { $0 != "/" }
        }
        if target.hasPrefix(profile.apiPath) { target = target.dropFirst(profile.apiPath.count) }
        return FakeRequest(
            method: request.method, target: String(target), headers: request.headers, body: request.body)
    }

    private func receive(_ request: WebhookRequest) throws(WebhookRejection) -> [InboundEvent] {
        if let keyed = adapter as? any PublishedKeyVerifying, let keys = profile.publishedKeys {
            return try receive(request, by: keyed, keys: keys)
        }
        return try adapter.receive(request, at: profile.now).events
    }

    private func receive(
        _ request: WebhookRequest, by adapter: some PublishedKeyVerifying, keys: [UInt8]
    ) throws(WebhookRejection) -> [InboundEvent] {
        guard let keys = adapter.parseKeys(keys) else {
            throw WebhookRejection(.unknownKey, "the profile's keys are unreadable")
        }
        return try adapter.receive(request, keys: keys, at: profile.now).events
    }
}

extension Substring {
    /// Where a text stands for the first time.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
