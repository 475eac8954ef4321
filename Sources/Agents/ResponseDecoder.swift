import BridgeCore
import HTTPCore
import JSON

/// Reads a response as it comes in: status, form, limits and end are decided here, meaning by the reader.
///
/// A stream that ends cleanly after some text, though the agent never said that it was done, counts as a whole answer: a
/// connection that breaks is reported as a failure by the transfer itself, so a clean end was the agent's will.
struct ResponseDecoder<Reader: AnswerReader>: AgentDecoder {
    /// The largest body that is not a stream, in bytes: a picture of 6 MB in base64, and then some.
    static var bodyLimit: Int { 9 << 20 }
    /// How much of an error's body is looked at, in bytes.
    static var errorLimit: Int { 64 << 10 }

    private enum Stage {
        case start
        case events
        case body(ResponseForm)
        case refusal(HTTPStatus)
    }

    private var reader: Reader
    private let words: AgentWords
    private var stage = Stage.start
    private var mediaType = ""
    private var answer = AnswerBuilder()
    private var parser = EventStreamParser()
    private var body = JSONBodyCollector(limit: ResponseDecoder.bodyLimit)
    private var next: AgentContinuation?
    /// True once more was asked after the first response.
    private var isContinuing = false

    init(_ reader: Reader, words: AgentWords) {
        self.reader = reader
        self.words = words
    }

    mutating func begin(_ head: OutboundResponse) {
        // The type without its parameters: `application/json; charset=utf-8`.
        var field = head.headers["content-type"] ?? ""
        mediaType = field.withUTF8 { field in
            let type = field.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
            return String(unsafeUninitializedCapacity: type.count) { output in
                for index in type.indices {
                    output[index] = (0x41...0x5A).contains(type[index]) ? type[index] | 0x20 : type[index]
                }
                return type.count
            }
        }
        if !head.status.isSuccess {
            stage = .refusal(head.status)
            body = JSONBodyCollector(limit: ResponseDecoder.errorLimit)
        }
    }

    mutating func decode(_ bytes: [UInt8]) -> [AgentEvent] {
        var bytes = bytes[...]
        if case .start = stage, !answer.isOver {
            // White space and a byte order mark before the first word mean nothing in any form, so they are not kept.
            bytes = bytes.drop { ResponseDecoder.isFiller($0) }
            guard let first = bytes.first else { return [] }
            choose(reader.form(mediaType: mediaType, firstByte: first))
        }
        guard !answer.isOver else { return answer.takeEvents() }
        switch stage {
        case .events: read(parser.parse(bytes))
        case .body:
            body.append(bytes)
            if body.isOverflowing {
                answer.fail(.tooLarge, "the response is larger than \(body.limit) bytes")
            }
        case .refusal: body.append(bytes)
        case .start: break
        }
        return answer.takeEvents()
    }

    mutating func end() -> [AgentEvent] {
        guard !answer.isOver else { return answer.takeEvents() }
        switch stage {
        case .start: finish()
        case .refusal(let status):
            // An agent that forgets a task once it has told its answer: what was said is the answer.
            if isContinuing, answer.hasContent { answer.finish() }
            answer.fail(words.failure(status: status, body: body))
        case .body(let form): readBody(as: form)
        case .events:
            read(parser.end())
            finish()
        }
        return answer.takeEvents()
    }

    mutating func continuation() -> AgentContinuation? {
        guard !answer.isOver, let next else { return nil }
        self.next = nil
        isContinuing = true
        stage = .start
        parser = EventStreamParser()
        body = JSONBodyCollector(limit: ResponseDecoder.bodyLimit)
        return next
    }

    /// The response has ended: so has the answer, unless there is more to ask.
    private mutating func finish() {
        guard !answer.isOver else { return }
        next = reader.continuation()
        if next == nil { answer.finish() }
    }

    private mutating func choose(_ form: ResponseForm) {
        switch form {
        case .events: stage = .events
        case .document, .text: stage = .body(form)
        case .foreign(let what): answer.fail(.malformed, what)
        }
    }

    private mutating func read(_ events: [EventStreamParser.Event]) {
        for event in events where !answer.isOver { read(event) }
        if parser.isTooLong {
            answer.fail(.tooLarge, "an event of the stream is larger than \(parser.limit) bytes")
        }
    }

    private mutating func read(_ event: EventStreamParser.Event) {
        let data = event.data.drop { ResponseDecoder.isFiller($0) }
        if data.starts(with: "[DONE]".utf8) { return answer.finish() }
        // Anything but an object is a sign of life that some servers send as data ("ping").
        guard data.first == UInt8(ascii: "{") else { return }
        guard let object = JSONBodyCollector.json(event.data) else {
            return answer.fail(.malformed, "an event of the stream is not JSON")
        }
        reader.read(event: object, named: event.name, into: &answer)
    }

    private mutating func readBody(as form: ResponseForm) {
        let document = body.json
        if case .text = form, document?["text"].string == nil, document?["error"].exists != true {
            answer.say(body.text)
        } else if let document, document.kind == .object {
            reader.read(document: document, into: &answer)
        } else {
            answer.fail(.malformed, "the response is not a JSON object")
        }
        finish()
    }

    private static func isFiller(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D, 0x1E, 0xEF, 0xBB, 0xBF: true
        default: false
        }
    }
}
