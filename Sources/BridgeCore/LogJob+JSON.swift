internal import JSON

extension LogJob {
    /// Why an element of the queue is no job that we can write.
    public enum DecodingError: Error, Sendable, Equatable, CustomStringConvertible {
        /// It is not JSON.
        case notJSON
        /// A later version of the format than ours: leave it to a newer logger.
        case newerVersion(Int64)
        /// A field is missing or is not what it should be; its name.
        case invalid(field: String)

        /// What is wrong, without any of the content.
        public var description: String {
            switch self {
            case .notJSON: "not a JSON object"
            case .newerVersion(let version): "version \(version) of the job format, this logger knows \(LogJob.version)"
            case .invalid(let field): "field \"\(field)\" is missing or invalid"
            }
        }
    }

    /// The job as one JSON object, straight to bytes.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter(capacity: 768)
        writer.object { object in
            object.field("v", LogJob.version)
            switch self {
            case .message(let message): message.writeFields(to: &object)
            case .status(let change): change.writeFields(to: &object)
            case .receipt(let receipt): receipt.writeFields(to: &object)
            }
        }
        return writer.bytes
    }

    /// Reads a job.
    ///
    /// - Throws: ``DecodingError``; only `id`, `at`, `session` with `id`, `platform` and `conversation`, and `direction` must be
    ///   there, everything else has a default.
    public init(decoding bytes: [UInt8]) throws(DecodingError) {
        let root: JSONView
        do { root = try JSONView(parsing: bytes) } catch { throw .notJSON }
        guard root.kind == .object else { throw .notJSON }
        if let version = root["v"].int, version > LogJob.version { throw .newerVersion(version) }
        guard let id = root["id"].string.flatMap({ UUID($0) }) else { throw .invalid(field: "id") }
        guard let at = root["at"].string.flatMap({ Timestamp($0) }) else { throw .invalid(field: "at") }
        switch root["kind"].string ?? "message" {
        case "message": self = .message(try LogMessage(id: id, at: at, root: root))
        case "status":
            guard let status = root["status"].string.flatMap(MessageStatus.init(rawValue:)) else {
                throw .invalid(field: "status")
            }
            self = .status(
                LogStatusChange(
                    id: id, at: at, status: status, metadata: root["metadata"].bytes(as: .object, else: "{}"),
                    stored: root["stored"].bytes(as: .object, else: "{}")))
        case "receipt": self = .receipt(try LogReceipt(id: id, at: at, root: root))
        default: throw .invalid(field: "kind")
        }
    }
}

extension LogMessage {
    func writeFields(to object: inout JSONWriter) {
        object.field("kind", "message")
        object.field("id", id)
        object.field("at", at)
        object.objectField("session") { session in
            session.field("id", self.session.id)
            session.field("platform", self.session.platform)
            session.field("account", self.session.account)
            session.field("conversation", self.session.conversation)
            session.field("thread", self.session.thread)
            session.field("user", self.session.user)
        }
        object.field("direction", direction.rawValue)
        object.field("sender", sender)
        object.field("type", type)
        object.field("text", text)
        object.rawField("attachments", attachments)
        object.field("request", request)
        object.field("status", status.rawValue)
        object.rawField("metadata", metadata)
    }

    init(id: UUID, at: Timestamp, root: JSONView) throws(LogJob.DecodingError) {
        let session = root["session"]
        guard let sessionID = session["id"].string.flatMap({ UUID($0) }) else { throw .invalid(field: "session.id") }
        guard let platform = session["platform"].string else { throw .invalid(field: "session.platform") }
        guard let conversation = session["conversation"].idString else { throw .invalid(field: "session.conversation") }
        guard let direction = root["direction"].string.flatMap(Direction.init(rawValue:)) else {
            throw .invalid(field: "direction")
        }
        let fallback: MessageStatus = direction == .inbound ? .received : .sent
        self.init(
            id: id, at: at,
            session: Session(
                id: sessionID, platform: platform, account: session["account"].string ?? "default",
                conversation: conversation, thread: session["thread"].idString, user: session["user"].idString),
            direction: direction, sender: root["sender"].idString, type: root["type"].string ?? "text",
            text: root["text"].string, attachments: root["attachments"].bytes(as: .array, else: "[]"),
            request: root["request"].idString,
            status: root["status"].string.flatMap(MessageStatus.init(rawValue:)) ?? fallback,
            metadata: root["metadata"].bytes(as: .object, else: "{}"))
    }
}

extension LogStatusChange {
    func writeFields(to object: inout JSONWriter) {
        object.field("kind", "status")
        object.field("id", id)
        object.field("at", at)
        object.field("status", status.rawValue)
        object.rawField("metadata", metadata)
        if stored != LogMessage.noMetadata { object.rawField("stored", stored) }
    }
}

extension LogReceipt {
    /// `{"kind":"receipt","id","at","session":{"platform","account","conversation"},"status","messages":[…],"up_to"}`.
    func writeFields(to object: inout JSONWriter) {
        object.field("kind", "receipt")
        object.field("id", id)
        object.field("at", at)
        object.objectField("session") { session in
            session.field("platform", platform)
            session.field("account", account)
            session.field("conversation", conversation)
        }
        object.field("status", status.rawValue)
        object.rawField("messages", namesJSON)
        object.field("up_to", upTo?.description)
        object.rawField("metadata", metadata)
    }

    init(id: UUID, at: Timestamp, root: JSONView) throws(LogJob.DecodingError) {
        let session = root["session"]
        guard let platform = session["platform"].string else { throw .invalid(field: "session.platform") }
        guard let conversation = session["conversation"].idString else { throw .invalid(field: "session.conversation") }
        guard let status = root["status"].string.flatMap(MessageStatus.init(rawValue:)) else {
            throw .invalid(field: "status")
        }
        self.init(
            id: id, at: at, platform: platform, account: session["account"].string ?? "default",
            conversation: conversation, status: status, messages: root["messages"].elements.compactMap(\.idString),
            upTo: root["up_to"].string.flatMap { Timestamp($0) },
            metadata: root["metadata"].bytes(as: .object, else: "{}"))
    }

    /// The names as a JSON array.
    package var namesJSON: [UInt8] {
        var writer = JSONWriter()
        writer.array { array in
            for name in messages { array.value(name) }
        }
        return writer.bytes
    }
}

extension JSONView {
    /// The JSON of a container, or a default where there is none of that kind.
    fileprivate func bytes(as kind: Kind, else fallback: StaticString) -> [UInt8] {
        guard self.kind == kind, count > 0 else {
            return fallback.withUTF8Buffer { Array($0) }
        }
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}
