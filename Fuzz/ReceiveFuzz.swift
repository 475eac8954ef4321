import BridgeCore
import HTTPCore
import JSON

/// The time at which everything happens.
let fuzzNow = Timestamp(seconds: 1_790_000_000)

/// Gives an adapter the input as a webhook that its platform has signed, and as the platform's answer to all that we ask.
func fuzzReceive(_ platform: FuzzedPlatform, _ bytes: [UInt8]) {
    let question = Array("GET ?".utf8)
    guard !bytes.starts(with: question) else {
        // A handshake: its words prove who asks, so that another answer than a yes is none of our business.
        let query = bytes.dropFirst(question.count).filter { (0x21...0x7E).contains($0) }
        let request = platform.ask(String(decoding: query, as: UTF8.self))
        guard let outcome = try? platform.adapter.receive(request, at: fuzzNow) else { return }
        reach["handshakes", default: 0] += 1
        outcome.events.forEach { check($0, by: platform.adapter) }
        return
    }
    let request = platform.sign(bytes)
    do {
        let outcome = try platform.adapter.receive(request, at: fuzzNow)
        reach["accepted", default: 0] += 1
        promise(outcome.events.count <= bytes.count, "more events than bytes")
        outcome.events.forEach { check($0, by: platform.adapter) }
        if platform.isStateless {
            // By its name a repetition is told: the same body has the same.
            let again = try platform.adapter.receive(request, at: fuzzNow)
            promise(again.events.map(\.id) == outcome.events.map(\.id), "other names the second time")
        }
    } catch {
        promise(error.reason == .malformed || platform.holdsToken, "refused although signed: \(error.message)")
        promise(!error.message.isEmpty, "a refusal without words")
        reach["\(error.reason)", default: 0] += 1
    }
    fuzzAnswers(platform.base, bytes)
}

/// What every event must be, whatever the payload.
func check(_ event: InboundEvent, by adapter: any Adapter) {
    reach["events", default: 0] += 1
    promise(!event.id.rawValue.isEmpty, "an event without a name")
    promise(!event.place.conversation.rawValue.isEmpty, "an event without a conversation")
    for kind in event.followUps { _ = adapter.encode(action(kind, answering: event), at: fuzzNow) }
    if case .answer = event.disposition, adapter.capabilities.transport == .http {
        reach["answerable", default: 0] += 1
        for (text, format) in [("words", OutboundAction.Format.plain), ("**bold** <b>", .markdown)] {
            let request = adapter.encode(action(.send(text: text, format: format), answering: event), at: fuzzNow)
            guard let request else { fatalError("an event that cannot be answered") }
            checkRequest(request, of: adapter)
        }
    }
    for kind in [OutboundAction.Kind.typing, .edit(message: PlatformMessageID("7"), text: "x", format: .markdown)] {
        adapter.encode(action(kind, answering: event), at: fuzzNow).map { checkRequest($0, of: adapter) }
    }
    if let fetcher = adapter as? any MediaFetching {
        for attachment in event.attachments {
            if case .request(let request) = fetcher.fetchMedia(attachment, after: []) { checkFields(request) }
        }
    }
    if let time = event.sentAt { promise(Timestamp(time.description) != nil, "a time that cannot be written down") }
    let session = LogMessage.Session(
        id: UUID(high: 1, low: 2), platform: adapter.platform.rawValue, account: event.place.account.rawValue,
        conversation: event.place.conversation.rawValue, thread: event.place.thread?.rawValue,
        user: event.sender?.id.rawValue)
    let job = LogJob.message(
        LogMessage(
            id: UUID(high: 1, low: 3), at: fuzzNow, session: session, direction: .inbound,
            sender: event.sender?.id.rawValue, type: event.kind.rawValue, text: event.text,
            attachments: attachments(of: event), status: .received, metadata: metadata(of: event)))
    // Numbers may be written in another form the first time (9007199254740992 for 9007199254740992.0), and then no more.
    let read = try? LogJob(decoding: job.encoded())
    let again = read.flatMap { try? LogJob(decoding: $0.encoded()) }
    promise(
        read != nil && read == again,
        "the log would hold something else: \(read.map { "\($0)" } ?? "nothing") for \(job)")
    guard case .message(let written) = job, case .message(let kept)? = read else { return }
    promise(
        kept.session == written.session && kept.sender == written.sender && kept.type == written.type
            && kept.text == written.text, "the log would hold other words: \(kept) for \(written)")
}

/// What goes out as it is has no bytes that would end it, and JSON is JSON.
func checkRequest(_ request: OutboundRequest, of adapter: any Adapter) {
    // Of Teams the activity, whose signature covers it, names the address; the client refuses one that is none.
    if adapter.platform.rawValue != "msteams" {
        for byte in request.url.utf8 { promise(byte > 0x20 && byte < 0x7F, "an address that is none: \(request.url)") }
    }
    checkFields(request)
    if request.headers["Content-Type"]?.hasPrefix("application/json") == true {
        promise((try? JSONView(parsing: request.body)) != nil, "a body that is no JSON")
    }
}

/// A line break in a field would make two of it.
func checkFields(_ request: OutboundRequest) {
    for field in request.headers.fields {
        promise(!field.value.utf8.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }, "a control byte in \(field.name)")
    }
}

private func attachments(of event: InboundEvent) -> [UInt8] {
    guard !event.attachments.isEmpty else { return LogMessage.noAttachments }
    var writer = JSONWriter()
    writer.array { list in for attachment in event.attachments { attachment.write(to: &list) } }
    return writer.bytes
}

private func metadata(of event: InboundEvent) -> [UInt8] {
    guard !event.metadata.isEmpty else { return LogMessage.noMetadata }
    var writer = JSONWriter()
    writer.object { event.metadata.writeFields(to: &$0) }
    return writer.bytes
}

func action(_ kind: OutboundAction.Kind, answering event: InboundEvent?) -> OutboundAction {
    OutboundAction(
        id: UUID(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0001), kind: kind,
        place: event?.place ?? InboundEvent.Place(conversation: ConversationID("42")), replyTo: event?.messageID,
        replyContext: event?.replyContext ?? [:])
}
