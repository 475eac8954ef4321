extension AgentTurn {
    /// The words of an event for an agent: its text, or where there is none a line for each thing that was sent, as in
    /// `[image: photo.jpg]`.
    ///
    /// - Returns: never an empty text; an event without text and attachments is named by its kind.
    public static func describe(_ event: InboundEvent) -> String {
        if let text = event.text, !text.allSatisfy(\.isWhitespace) { return text }
        guard !event.attachments.isEmpty else { return "[\(event.kind.rawValue)]" }
        let shown = event.attachments.prefix(attachmentsNamed).map(describe)
        let rest = event.attachments.count - shown.count
        return (shown + (rest > 0 ? ["[\(rest) more]"] : [])).joined(separator: "\n")
    }

    /// The most attachments that are named one by one: what no album of any platform exceeds.
    private static let attachmentsNamed = 20

    private static func describe(_ attachment: Attachment) -> String {
        let kind = attachment.kind.rawValue
        guard let name = attachment.name ?? attachment.contentType, !name.isEmpty else { return "[\(kind)]" }
        // A name is the sender's choice; in one line, and within its brackets, it cannot pass for words of ours.
        let line = name.prefix(120).map { $0.isNewline || $0 == "]" ? "_" : $0 }
        return "[\(kind): \(String(line))]"
    }
}
