import BridgeCore
import HTTPCore
import JSON

/// Gives an adapter the input as its platform's answer to everything that we ask of it.
func fuzzAnswers(_ adapter: any Adapter, _ bytes: [UInt8]) {
    // A field's value as a server may send one.
    let words = String(decoding: bytes.prefix(24).filter { (0x20...0x7E).contains($0) }, as: UTF8.self)
    let headers: HTTPFields = [
        "Content-Type": "application/json", "Retry-After": words, "X-RateLimit-Reset-After": words,
        "X-RateLimit-Reset": words, "X-Ratelimit-Remaining": "0",
    ]
    let send = action(.send(text: "words", format: .markdown), answering: nil)
    let statuses = [200, 429, 400, 200, 403, 500, 404, 200]
    for status in [200, statuses[bytes.reduce(bytes.count) { ($0 &* 31 &+ Int($1)) & 0xFFFF } % statuses.count]] {
        let response = OutboundResponse(status: HTTPStatus(status), headers: headers, body: bytes)
        for kind in [send.kind, .edit(message: PlatformMessageID("7"), text: "x", format: .plain), .typing] {
            check(adapter.interpret(response, to: action(kind, answering: nil)))
        }
        fuzzAbilities(adapter, response, send)
    }
}

private func check(_ result: DeliveryResult) {
    switch result {
    case .delivered(let id): promise(id?.rawValue.isEmpty != true, "a message whose name is empty")
    case .deliveredBatch(let ids): promise(!ids.contains { $0.rawValue.isEmpty }, "a message whose name is empty")
    case .failed(let failure): check(failure)
    }
}

private func check(_ failure: DeliveryFailure) {
    promise(!failure.reason.isEmpty, "a failure without a reason")
    if case .rateLimited(let after?) = failure.kind {
        reach["paced", default: 0] += 1
        promise(after >= .zero, "a pause before now: \(after)")
        // What the engine does with it.
        _ = fuzzNow.advanced(by: after)
    }
}

private func fuzzAbilities(_ adapter: any Adapter, _ response: OutboundResponse, _ send: OutboundAction) {
    if let poller = adapter as? any LongPolling, case .events(let events, let cursor) = poller.interpretPoll(response) {
        reach["polled", default: 0] += events.count
        for event in events { check(event, by: adapter) }
        checkRequest(poller.poll(after: cursor), of: adapter)
    }
    if let keeper = adapter as? any TokenRefreshing {
        switch keeper.interpretToken(response, stored: nil, at: fuzzNow) {
        case .token(let token):
            reach["tokens", default: 0] += 1
            promise(!token.value.value.isEmpty, "a token of nothing")
            var request = OutboundRequest(url: "https://a.invalid")
            keeper.authorize(&request, with: token.value)
            if let stored = token.stored { _ = keeper.token(from: stored.value) }
        case .failed(let failure): check(failure)
        }
        _ = keeper.token(from: String(decoding: response.body, as: UTF8.self))
        _ = keeper.isTokenRefused(response)
    }
    if let registering = adapter as? any WebhookRegistering {
        _ = registering.interpretWebhookQuery(response)
        _ = registering.interpretRegistration(response)
        _ = registering.nextRegistration(of: "https://bridge.invalid/x", after: [response])
    }
    if let checking = adapter as? any CredentialChecking {
        for check in checking.credentialChecks() { _ = checking.interpretCredentialCheck(response, of: check) }
    }
    if let checking = adapter as? any DeliveryChecking {
        _ = checking.interpretDeliveryCheck(response, of: send).map { _ in 0 }
    }
    let picture = OutboundAttachment(kind: .image, source: .bytes([1, 2, 3]), name: "a.png", contentType: "image/png")
    if let uploading = adapter as? any AttachmentUploading {
        for count in 1...3 {
            let step = uploading.upload(
                picture, for: action(.sendAttachment(picture, caption: nil), answering: nil),
                after: Array(repeating: response, count: count), at: fuzzNow)
            switch step {
            case .request(let request): checkFields(request)
            case .uploaded(let reference): promise(!reference.isEmpty, "uploaded under no name")
            case .sent: break
            case .failed(let failure): check(failure)
            }
        }
    }
    if let fetching = adapter as? any MediaFetching {
        let attachment = Attachment(kind: .image, reference: "r")
        for count in 1...2 {
            if case .request(let request) = fetching.fetchMedia(
                attachment, after: Array(repeating: response, count: count))
            {
                checkFields(request)
            }
        }
    }
    if let keyed = adapter as? any PublishedKeyVerifying { _ = keyed.parseKeys(response.body) }
}
