import BridgeCore
import JSON

/// What one kind of agent means by its responses; ``ResponseDecoder`` does the rest.
protocol AnswerReader: Sendable {
    /// What the body is, going by the head and the body's first byte that is no white space.
    ///
    /// - Parameter mediaType: of the Content-Type, in lower case without parameters; empty where there is none.
    func form(mediaType: String, firstByte: UInt8) -> ResponseForm

    /// Reads the object of one event of a stream.
    mutating func read(event: JSONView, named name: String, into answer: inout AnswerBuilder)

    /// Reads a whole body of JSON.
    mutating func read(document: JSONView, into answer: inout AnswerBuilder)

    /// What to ask next when a response has ended and the answer is not there yet; nil when it is whole.
    mutating func continuation() -> AgentContinuation?
}

extension AnswerReader {
    /// Nothing: a response that has ended is a whole answer.
    mutating func continuation() -> AgentContinuation? { nil }
}

/// What the body of a response is.
enum ResponseForm: Sendable {
    /// A stream of events.
    case events
    /// One JSON document.
    case document
    /// The answer's text itself, or a document whose sender does not know its own media type.
    case text
    /// Nothing that an agent would send; what it is, in words.
    case foreign(String)

    /// The form of a body that is either JSON or a stream of events, going by the first byte more than by what is claimed:
    /// servers answer a request for a stream with one object (errors above all), and the other way round.
    ///
    /// - Parameter advice: what to look at when it is HTML, as in `is the base URL right`.
    static func documentOrEvents(mediaType: String, firstByte: UInt8, advice: String) -> ResponseForm {
        switch firstByte {
        case UInt8(ascii: "<"): .foreign("HTML instead of an answer; \(advice)?")
        case UInt8(ascii: "{"), UInt8(ascii: "["): .document
        default: mediaType.hasSuffix("json") ? .document : .events
        }
    }
}
