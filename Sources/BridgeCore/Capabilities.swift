/// What an adapter's platform can do and how much of it: all that the engine needs to know to serve it.
public struct Capabilities: Sendable {
    /// The longest text of one message.
    public struct TextLimit: Sendable, Equatable {
        /// In what a platform counts.
        public enum Unit: Sendable, Equatable {
            /// UTF-16 code units.
            case utf16
            /// Bytes of UTF-8.
            case utf8
            /// Unicode scalar values.
            case scalars
        }

        /// The greatest count allowed.
        public var count: Int
        /// In what it is counted.
        public var unit: Unit

        /// A limit of `count` units.
        public init(_ count: Int, _ unit: Unit) {
            self.count = count
            self.unit = unit
        }
    }

    /// How many requests in how long a time.
    public struct Rate: Sendable, Equatable {
        /// Requests that may come at once.
        public var burst: Int
        /// The time after which one more may come.
        public var interval: Duration

        /// `burst` at once, then one each `interval`.
        public init(burst: Int, interval: Duration) {
            self.burst = burst
            self.interval = interval
        }

        /// At most so many requests in any stretch of time, of which `burst` may come at once.
        ///
        /// A burst counts against the limit: what is left of it is spread over the time.
        public init(atMost limit: Int, in time: Duration, burst: Int) {
            precondition(burst > 0 && burst < limit, "a burst below the limit")
            self.init(burst: burst, interval: time / (limit - burst))
        }
    }

    /// The platform's published rates for sends, edits and typing together; nil where there is none.
    public struct Rates: Sendable, Equatable {
        /// In one conversation with one person.
        public var conversation: Rate?
        /// In one group.
        public var group: Rate?
        /// Of the bot in all.
        public var overall: Rate?

        /// These rates.
        public init(conversation: Rate? = nil, group: Rate? = nil, overall: Rate? = nil) {
            self.conversation = conversation
            self.group = group
            self.overall = overall
        }
    }

    /// Where answers go.
    public enum Transport: Sendable, Equatable {
        /// Out, by the requests that the adapter encodes.
        case http
        /// To those who wait for them at our own endpoints; the adapter encodes nothing.
        case local
    }

    /// By which right messages may go to a conversation.
    public struct ReplyRules: Sendable, Equatable {
        /// What comes with an event and lets us answer it (in ``InboundEvent/replyContext``).
        public struct Token: Sendable, Equatable {
            /// How long it is good for after the event.
            public var lifetime: Duration
            /// For how many requests; nil: any number.
            public var uses: Int?

            /// A right to answer.
            public init(lifetime: Duration, uses: Int? = nil) {
                self.lifetime = lifetime
                self.uses = uses
            }
        }

        /// When we may write of our own accord.
        public enum Push: Sendable, Equatable {
            /// Always.
            case always
            /// For so long after the user's last message.
            case within(Duration)
            /// Never.
            case never
        }

        /// What comes with an event; used while it is good, nil where there is no such thing.
        public var token: Token?
        /// When we may write of our own accord.
        public var push: Push

        /// Rules; by default messages may be sent at any time.
        public init(token: Token? = nil, push: Push = .always) {
            self.token = token
            self.push = push
        }
    }

    /// The longest text of one message; longer answers are split.
    public var textLimit: TextLimit
    /// What the platform counts of a text against ``textLimit``; nil: the text as the agent wrote it.
    ///
    /// Set it where what is sent is longer than the Markdown that it is rendered from: the text as it stands in the request, or
    /// what is left of it where the platform does not count its marks. It is called for texts that may be over the limit, and
    /// for their parts; a text that is short enough whatever its marks never reaches it. So what is counted must not take
    /// more than twice the bytes of the text, and 48 more for each byte that is neither letter, digit nor space.
    public var countedText: (@Sendable (_ text: String, _ format: OutboundAction.Format) -> String)?
    /// Where answers go.
    public var transport: Transport
    /// The least time between two edits of an answer that is streamed into its message; nil: no edits.
    public var editInterval: Duration?
    /// How often the typing indicator is to be shown again to stay visible; nil: the platform has none.
    public var typingInterval: Duration?
    /// The published rates.
    public var rates: Rates
    /// True when the receiver tells a repeated send by its id, so that one whose answer was lost can be sent again.
    ///
    /// Where that is so for some messages only, ``Adapter/canRepeat(_:)`` says for which.
    public var hasIdempotentSends: Bool
    /// By which right answers go out.
    public var replies: ReplyRules
    /// Messages that one request may carry (``OutboundAction/Kind/sendBatch(texts:format:)``); 1: a request each.
    public var messagesPerRequest: Int
    /// The kinds of attachments that go out by the address of their bytes; others become a link.
    public var attachmentsByURL: Set<ContentKind>
    /// The kinds of attachments whose bytes we can send; the adapter is ``AttachmentUploading`` or writes them into the request.
    public var attachmentsByUpload: Set<ContentKind>

    /// The capabilities of a platform.
    public init(
        textLimit: TextLimit, countedText: (@Sendable (String, OutboundAction.Format) -> String)? = nil,
        transport: Transport = .http, editInterval: Duration? = nil, typingInterval: Duration? = nil,
        rates: Rates = Rates(), hasIdempotentSends: Bool = false, replies: ReplyRules = ReplyRules(),
        messagesPerRequest: Int = 1, attachmentsByURL: Set<ContentKind> = [], attachmentsByUpload: Set<ContentKind> = []
    ) {
        self.textLimit = textLimit
        self.countedText = countedText
        self.transport = transport
        self.editInterval = editInterval
        self.typingInterval = typingInterval
        self.rates = rates
        self.hasIdempotentSends = hasIdempotentSends
        self.replies = replies
        self.messagesPerRequest = messagesPerRequest
        self.attachmentsByURL = attachmentsByURL
        self.attachmentsByUpload = attachmentsByUpload
    }
}
