internal import BridgeCore
internal import EventLoop
internal import JSON
internal import Journal

extension Bridge {
    /// What is written down of an event when it is taken.
    func inboundJobs(_ arrival: Arrival) -> [LogJob] {
        let (event, platform) = (arrival.event, arrival.platform.name)
        var jobs = [
            LogJob.message(
                LogMessage(
                    id: arrival.id, at: arrival.at, session: session(of: event, on: platform), direction: .inbound,
                    sender: event.sender?.id.rawValue, type: event.kind.rawValue, text: event.text,
                    attachments: event.attachmentsJSON, status: .received,
                    metadata: event.metadataJSON(trace: arrival.trace?.name)))
        ]
        if let receipt = event.receipt { jobs.append(.receipt(job(for: receipt, of: arrival))) }
        return jobs
    }

    func recordAnswer(_ answer: AgentClient.Answer, delivery: Outbox.Delivery, to question: Question) {
        var metadata = Metadata(question: question, delivery: delivery)
        metadata.add("finish_reason", answer.receipt.finishReason)
        if let tokens = answer.receipt.inputTokens { metadata["input_tokens"] = .integer(tokens) }
        if let tokens = answer.receipt.outputTokens { metadata["output_tokens"] = .integer(tokens) }
        recordOutbound(
            answer.text, id: question.answerRow, attachments: answer.attachments, request: answer.receipt.requestID,
            delivery: delivery, metadata: metadata, to: question)
    }

    func recordApology(_ text: String, for failure: AgentFailure, delivery: Outbox.Delivery, to question: Question) {
        var metadata = Metadata(question: question, delivery: delivery)
        metadata["agent_error"] = .string(failure.kind.rawValue)
        recordOutbound(text, request: failure.requestID, delivery: delivery, metadata: metadata, to: question)
    }

    /// Writes down what the user saw of an answer that broke off.
    func recordFragment(_ shown: StreamedReply.Shown, of question: Question) {
        let delivery = Outbox.Delivery(messageIDs: shown.message.map { [$0] } ?? [], parts: 1)
        var metadata = Metadata(question: question, delivery: delivery)
        metadata["partial"] = true
        recordOutbound(shown.text, request: nil, delivery: delivery, metadata: metadata, to: question)
    }

    /// Notes on the inbound message that it could not be answered.
    func recordFailure(_ failure: AgentFailure, of question: Question) {
        var metadata: Metadata = ["agent_error": .string(failure.kind.rawValue)]
        metadata.add("agent_message", failure.message)
        for part in question.earlier + [question] {
            let change = LogStatusChange(id: part.id, at: .now(), status: .failed, metadata: metadata.encoded())
            record(.status(change), of: question)
        }
    }

    /// Notes on the inbound message why it got no answer: its user took it back, or wrote another.
    func recordWithdrawal(of question: Question, status: MessageStatus, supersededBy newer: UUID? = nil) {
        var metadata = Metadata()
        metadata.add("superseded_by", newer?.description)
        record(
            .status(LogStatusChange(id: question.id, at: .now(), status: status, metadata: metadata.encoded())),
            of: question)
    }

    /// Moves the statuses of messages that we sent.
    private func job(for receipt: InboundEvent.Receipt, of arrival: Arrival) -> LogReceipt {
        var metadata = Metadata()
        if receipt.status == .failed { metadata.add("delivery_error", receipt.reason) }
        let status: MessageStatus =
            switch receipt.status {
            case .sent: .sent
            case .delivered: .delivered
            case .read: .read
            case .failed: .failed
            }
        let place = arrival.event.place
        return LogReceipt(
            id: ids.next(at: arrival.at), at: arrival.at, platform: arrival.platform.name.rawValue,
            account: place.account.rawValue, conversation: place.conversation.rawValue, status: status,
            messages: receipt.messages.map(\.rawValue), upTo: receipt.upTo, metadata: metadata.encoded())
    }

    /// Lets the conversation's session go on under its new name.
    func recordMove(of place: InboundEvent.Place, to target: ConversationID, platform: PlatformName, at now: Timestamp)
    {
        var moved = place
        moved.conversation = target
        let (old, new) = (SessionKey(platform: platform, place: place), SessionKey(platform: platform, place: moved))
        recorder.assumeIsolated(on: loop) { $0.alias(old: old, new: new, at: now) }
    }

    private func recordOutbound(
        _ text: String, id: UUID? = nil, attachments: [OutboundAttachment] = [], request: String?,
        delivery: Outbox.Delivery, metadata: Metadata, to question: Question
    ) {
        let now = Timestamp.now()
        record(
            .message(
                LogMessage(
                    id: id ?? ids.next(at: now), at: now,
                    session: session(of: question.event, on: question.platform.name), direction: .outbound,
                    text: text, attachments: attachments.json, request: request,
                    status: delivery.failure == nil ? .sent : .failed,
                    metadata: metadata.encoded())),
            of: question)
    }

    /// Hands a job to the journal: with the question's end where the inbox has that, else at once.
    private func record(_ job: LogJob, of question: Question) {
        if question.isKept { return question.jobs.append(job) }
        recorder.assumeIsolated(on: loop) { $0.record(job) }
    }

    /// The session as far as the event tells it; the recorder fills in its id.
    private func session(of event: InboundEvent, on platform: PlatformName) -> LogMessage.Session {
        LogMessage.Session(
            id: JournalRecorder.unknownSession, platform: platform.rawValue, account: event.place.account.rawValue,
            conversation: event.place.conversation.rawValue, thread: event.place.thread?.rawValue,
            user: event.sender?.id.rawValue)
    }
}

extension Metadata {
    /// What is worth knowing of an answer besides its text.
    fileprivate init(question: Question, delivery: Outbox.Delivery) {
        self.init(capacity: 8)
        self["in_reply_to"] = .string(question.id.description)
        if !question.earlier.isEmpty {
            var writer = JSONWriter()
            writer.array { array in
                for part in question.earlier { array.value(part.id.description) }
            }
            self["also_in_reply_to"] = .json(writer.bytes)
        }
        add("thread", question.event.place.thread?.rawValue)
        if delivery.messageIDs.count == 1 {
            self["message_id"] = .string(delivery.messageIDs[0].rawValue)
        } else if delivery.messageIDs.count > 1 {
            var writer = JSONWriter()
            writer.array { array in
                for id in delivery.messageIDs { array.value(id.rawValue) }
            }
            self["message_ids"] = .json(writer.bytes)
        }
        add("delivery_error", delivery.failure?.reason)
        add("traceparent", question.trace?.name)
        self["timings"] = .json(question.timings)
    }

    /// The metadata as one JSON object.
    fileprivate func encoded() -> [UInt8] {
        guard !isEmpty else { return LogMessage.noMetadata }
        var writer = JSONWriter(capacity: 384)
        writer.object { writeFields(to: &$0) }
        return writer.bytes
    }
}

extension [OutboundAttachment] {
    /// The attachments by reference, as those of inbound messages are kept: bytes are counted, not copied.
    fileprivate var json: [UInt8] {
        guard !isEmpty else { return LogMessage.noAttachments }
        var writer = JSONWriter(capacity: 256 * count)
        writer.array { array in
            for attachment in self {
                var kept = Attachment(
                    kind: attachment.kind, name: attachment.name, contentType: attachment.contentType)
                switch attachment.source {
                case .url(let url): kept.url = url
                case .bytes(let bytes): kept.size = Int64(bytes.count)
                case .uploaded(let reference): kept.reference = reference
                }
                kept.write(to: &array)
            }
        }
        return writer.bytes
    }
}

extension InboundEvent {
    fileprivate var attachmentsJSON: [UInt8] {
        guard !self.attachments.isEmpty else { return LogMessage.noAttachments }
        var writer = JSONWriter(capacity: 256 * self.attachments.count)
        writer.array { array in
            for attachment in self.attachments { attachment.write(to: &array) }
        }
        return writer.bytes
    }

    /// - Parameter trace: the `traceparent` of its span, where that is kept.
    fileprivate func metadataJSON(trace: String?) -> [UInt8] {
        var writer = JSONWriter(capacity: 192)
        writer.object { object in
            object.field("event_id", self.id.rawValue)
            object.field("message_id", self.messageID?.rawValue)
            object.field("thread", self.place.thread?.rawValue)
            object.field("target", self.target?.rawValue)
            object.field("reply_to", self.replyTo?.rawValue)
            object.field("sender_name", self.sender?.name)
            object.field("sent_at", self.sentAt?.description)
            if self.place.isGroup { object.field("group", true) }
            object.field("moved_to", self.movedTo?.rawValue)
            object.field("traceparent", trace)
            self.metadata.writeFields(to: &object)
        }
        return writer.bytes
    }
}

extension SessionKey {
    init(platform: PlatformName, place: InboundEvent.Place) {
        self.init(
            platform: platform.rawValue, account: place.account.rawValue, conversation: place.conversation.rawValue,
            thread: place.thread?.rawValue)
    }
}
