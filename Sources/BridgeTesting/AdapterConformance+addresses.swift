import BridgeCore
import HTTPCore

extension AdapterConformance {
    /// Addresses to which nobody who writes to the bot may send it.
    private static let strangers = [
        "http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "http://127.0.0.1:6379/",
        "http://localhost:15672/", "https://[::1]/", "http://2130706433/", "http://0x7f.1/x", "http://0/",
        "https://stranger.example/picture.jpg", "http://stranger.example/picture.jpg", "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL", "//169.254.169.254/x", "https://a@stranger.example/x",
        "https://stranger.example\\@slack.com/x",
    ]

    /// Whether the adapter has the engine ask other servers than the platform's, at a payload's word.
    func addressFindings() -> [String] {
        Self.strangers.flatMap { mediaFindings(at: $0) + replyFindings(at: $0) }
    }

    private func mediaFindings(at url: String) -> [String] {
        guard let media = adapter as? any MediaFetching else { return [] }
        var findings: [String] = []
        if case .request(let request) = media.fetchMedia(Attachment(kind: .image, url: url), after: []) {
            findings.append("a picture at \(url) is asked for at \(request.url)")
        }
        // As an id, it may stand in a request, but not lead it.
        if case .request(let request) = media.fetchMedia(Attachment(kind: .image, reference: url), after: []),
            leads(request, to: url)
        {
            findings.append("the reference \(url) is asked for as it is")
        }
        return findings
    }

    private func replyFindings(at url: String) -> [String] {
        for payload in profile.payloads {
            let events = (try? adapter.receive(signed(payload.body), at: profile.now).events) ?? []
            for var event in events where event.disposition == .answer {
                for name in event.replyContext.keys { event.replyContext[name] = url }
                let action = action(.send(text: "words", format: .plain), answering: event)
                if let request = adapter.encode(action, at: profile.now), leads(request, to: url) {
                    return ["an answer goes to \(url), because an event said so"]
                }
            }
        }
        return []
    }

    private func leads(_ request: OutboundRequest, to url: String) -> Bool {
        request.url.hasPrefix(url) || WebOrigin(request.url) == nil
            || (WebOrigin(url).map { WebOrigin(request.url) == $0 } ?? false)
    }
}
