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
}
