/// An AI agent as the engine sees it: an encoder of the question and an incremental decoder of the answer, both pure.
public protocol Agent: Sendable {
    /// The name in metrics and logs, as in `AGENT`: `mastra`, `openai`, `echo`.
    var name: String { get }

    /// True for agents that keep no memory of their own: the engine sends ``AgentTurn/history`` along.
    var needsHistory: Bool { get }

    /// True for agents that look at pictures: the engine fetches those of the question into ``AgentTurn/media``.
    var takesImages: Bool { get }

    /// How one turn is put to the agent.
    func ask(_ turn: AgentTurn) -> AgentCall
}

extension Agent {
    /// False.
    public var takesImages: Bool { false }
}

/// How an answer comes about.
public enum AgentCall: Sendable {
    /// By a request whose response the decoder reads.
    case request(OutboundRequest, decoder: any AgentDecoder)
    /// At once, without asking anybody.
    case immediate([AgentEvent])
}

/// One user message to be answered.
public struct AgentTurn: Sendable {
    /// One earlier message of the conversation.
    public struct Message: Sendable, Equatable {
        /// Who spoke.
        public enum Role: String, Sendable {
            /// The user.
            case user
            /// The agent.
            case assistant
        }

        /// Names the message, the same at each turn; nil where nobody has named it.
        public var id: String?
        /// Who spoke.
        public var role: Role
        /// What was said.
        public var text: String

        /// A message.
        public init(id: String? = nil, role: Role, text: String) {
            self.id = id
            self.role = role
            self.text = text
        }
    }

    /// The bytes of something that came with the question.
    public struct Media: Sendable, Equatable {
        /// What it is, as in `image/jpeg`.
        public var contentType: String
        /// The bytes.
        public var bytes: [UInt8]
        /// The file's name, where there is one.
        public var name: String?

        /// Bytes of a type.
        public init(contentType: String, bytes: [UInt8], name: String? = nil) {
            self.contentType = contentType
            self.bytes = bytes
            self.name = name
        }
    }

    /// Our name of the inbound message.
    public var id: UUID
    /// The platform it came from.
    public var platform: PlatformName
    /// The event that is being answered.
    public var event: InboundEvent
    /// What the user said, in words; where there are none, a line that names what was sent.
    public var text: String
    /// Earlier messages, oldest first; empty unless the agent needs them.
    public var history: [Message]
    /// What the agent wanted to see again with the user's next message (``AgentReceipt/continuation``).
    public var continuation: String?
    /// The pictures that came with the question; empty unless the agent takes them.
    public var media: [Media]
    /// True when the answer is wanted piece by piece.
    public var isStreaming: Bool

    /// A turn.
    public init(
        id: UUID, platform: PlatformName, event: InboundEvent, text: String, history: [Message] = [],
        media: [Media] = [],
        isStreaming: Bool
    ) {
        self.id = id
        self.platform = platform
        self.event = event
        self.text = text
        self.history = history
        self.media = media
        self.isStreaming = isStreaming
    }

    /// The conversation's name at the agent: `platform:conversation[:thread]`.
    public var threadName: String {
        let name = platform.rawValue + ":" + event.place.conversation.rawValue
        guard let thread = event.place.thread else { return name }
        return name + ":" + thread.rawValue
    }

    /// The user's name at the agent: `platform:user`; the conversation's where the platform names no user.
    public var resourceName: String {
        platform.rawValue + ":" + (event.sender?.id.rawValue ?? event.place.conversation.rawValue)
    }
}

/// Reads an agent's response as its bytes come in, however they are cut.
public protocol AgentDecoder: Sendable {
    /// Called once, before any byte, with the response's head.
    mutating func begin(_ head: OutboundResponse)

    /// Takes the next bytes.
    ///
    /// - Returns: what they completed; after a ``AgentEvent/finished(_:)`` or ``AgentEvent/failed(_:)`` nothing more counts.
    mutating func decode(_ bytes: [UInt8]) -> [AgentEvent]

    /// Called once when the response has ended.
    ///
    /// - Returns: events that end in `finished` or `failed`, unless an earlier call has returned one of these or the answer
    ///   has a ``continuation()``.
    mutating func end() -> [AgentEvent]

    /// Called after ``end()`` where that has left the answer open: what to ask next.
    ///
    /// Its response starts with ``begin(_:)`` again.
    ///
    /// - Returns: nil, as by default, when there is nothing to ask.
    mutating func continuation() -> AgentContinuation?
}

extension AgentDecoder {
    /// Nothing: one response is the whole answer.
    public mutating func continuation() -> AgentContinuation? { nil }
}

/// What an agent says while it answers.
public enum AgentEvent: Sendable, Equatable {
    /// The next piece of the answer's text.
    case text(String)
    /// Something that goes with the answer.
    case attachment(OutboundAttachment)
    /// The answer is whole.
    case finished(AgentReceipt)
    /// There will be no (more) answer.
    case failed(AgentFailure)
}

/// What an agent says of an answer besides its text.
public struct AgentReceipt: Sendable, Equatable {
    /// The agent's name of the run or request; goes into `mastra_request_id`.
    public var requestID: String?
    /// Why it stopped, in the agent's word, as `stop` or `length`.
    public var finishReason: String?
    /// Tokens read and written, where the agent counts them.
    public var inputTokens: Int64?
    /// Tokens written.
    public var outputTokens: Int64?
    /// What the agent wants to see again with the user's next message in the conversation: the name of a task that waits
    /// for it.
    public var continuation: String?
    /// The agent's name of the message that is the answer; goes into ``AgentTurn/Message/id`` of the history.
    public var messageID: String?

    /// A receipt.
    public init(
        requestID: String? = nil, finishReason: String? = nil, inputTokens: Int64? = nil, outputTokens: Int64? = nil,
        continuation: String? = nil, messageID: String? = nil
    ) {
        self.requestID = requestID
        self.finishReason = finishReason
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.continuation = continuation
        self.messageID = messageID
    }
}

/// Why an agent gave no answer.
public struct AgentFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong.
    public enum Kind: String, Sendable {
        /// It could not be reached, or the connection broke.
        case unreachable
        /// It took too long.
        case timeout
        /// It answered with an error of its own.
        case error
        /// It refuses our credentials.
        case unauthorized
        /// It refuses to answer this (a tripwire, a filter).
        case refused
        /// It waits for an approval that nobody here can give.
        case suspended
        /// Its answer is not what it should be.
        case malformed
        /// Its answer is larger than allowed.
        case tooLarge
    }

    /// What went wrong.
    public var kind: Kind
    /// The agent's own words or what we saw, without secrets.
    public var message: String
    /// The agent's name of the run, where it gave one.
    public var requestID: String?

    /// A failure.
    public init(_ kind: Kind, _ message: String, requestID: String? = nil) {
        self.kind = kind
        self.message = message
        self.requestID = requestID
    }

    /// The kind and the words.
    public var description: String { "\(kind.rawValue): \(message)" }
}
