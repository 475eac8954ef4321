internal import BridgeCore
internal import JSON
internal import SQLite

/// The `content` column of a message of Mastra, in any of the forms that its versions have written.
///
/// - A plain text: the words.
/// - A JSON array of parts (v1): `[{"type":"text","text":…},{"type":"tool-call",…}]`.
/// - `{"format":2,"parts":[…],"content"?,"metadata"?,"experimental_attachments"?}` (v2, also 3): the words are the text parts,
///   a line each, and `content` where there are none.
///
/// Not for users are parts of the model's work (reasoning, tools, steps, sources, data) and those marked
/// `"visibility":"llm"`, as Mastra's own `filterMessagesByVisibility` leaves them out.
struct MastraContent {
    /// The words for users.
    private(set) var text: String?
    /// A JSON array of ``Attachment``.
    private(set) var attachments = LogMessage.noAttachments
    private(set) var attachmentCount = 0
    /// The kind of the message: that of its first attachment, else text.
    private(set) var kind = ContentKind.text
    /// `content.metadata`.
    private(set) var metadata = JSONView.missing
    /// The parts that are neither words nor attachments, or not for users: a JSON array; nil when there are none.
    private(set) var otherParts: [UInt8]?
    /// Whether the message has parts that are for the model alone.
    private(set) var hasHiddenParts = false
    /// Whether all that it has is for the model alone.
    private(set) var isHidden = false
    /// What should have been JSON and is none.
    private(set) var raw: String?
    private var parts = JSONView.missing

    /// - Parameter isSecondFormat: The row says that it is of v2, so that a text that is not JSON is damaged.
    init(_ row: borrowing SQLiteCursor, _ column: Int, isSecondFormat: Bool, _ changes: inout RowChanges) {
        let isBlob = row.kind(column) == .blob
        let isPlain =
            !isBlob
            && row.bytes(column) { bytes in
                // Nearly all plain texts are told from JSON by their first byte.
                !bytes.contains { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") }
            }
        if !isPlain, case .value(let json) = row.json(column, &changes) {
            if json["parts"].kind == .array || json["format"].int != nil {
                read(json, &changes)
                return
            }
            if json.kind == .array, json.count > 0, json.elements.allSatisfy({ $0["type"].string != nil }) {
                read(parts: json, &changes)
                return
            }
            if isBlob {
                text = json.string ?? Self.text(of: json)
                return
            }
        }
        text = row.text(column, &changes)
        if isSecondFormat, let text, !text.isEmpty {
            changes.insert(.jsonWrapped)
            raw = text
        }
    }

    /// A signal of a user, who is the one that such rows are told from.
    var isUserSignal: Bool {
        let type = metadata["signal"]["type"].string
        return type == "user" || type == "user-message"
    }

    /// A message of the application for the model.
    var isSignalForModel: Bool { metadata["signal"]["type"].string != nil && !isUserSignal }

    /// All parts, for a message that is kept as an event.
    func allParts(_ changes: inout RowChanges) -> [UInt8]? {
        var writer = JSONWriter()
        if parts.exists {
            writer.value(parts)
        } else if let text, raw == nil, !text.isEmpty {
            writer.array { array in
                array.object { part in
                    part.field("type", "text")
                    part.field("text", text)
                }
            }
        } else {
            return nil
        }
        return writer.bytes
    }

    private mutating func read(_ json: JSONView, _ changes: inout RowChanges) {
        metadata = json["metadata"].kind == .object && json["metadata"].count > 0 ? json["metadata"] : .missing
        read(parts: json["parts"], extra: json["experimental_attachments"], &changes)
        guard text == nil, !isHidden else { return }
        // What `content` repeats of hidden parts is as hidden as they are.
        let hidden = json["parts"].elements.contains { $0["type"].string == "text" && Self.isHidden($0) }
        if !hidden { text = json["content"].string.flatMap { $0.isEmpty ? nil : $0 } }
    }

    private mutating func read(parts: JSONView, extra: JSONView = .missing, _ changes: inout RowChanges) {
        self.parts = parts
        var lines: [String] = []
        var files = JSONWriter(capacity: 64)
        var others = JSONWriter(capacity: 64)
        var otherCount = 0
        var visible = 0
        func attach(_ part: JSONView, _ files: inout JSONWriter, number: Int) {
            guard let attachment = Self.attachment(part, number: number) else { return }
            if attachmentCount == 0 { kind = attachment.kind }
            attachmentCount += 1
            attachment.write(to: &files)
        }
        files.array { files in
            others.array { others in
                for (number, part) in parts.elements.enumerated() {
                    let isHidden = Self.isHidden(part)
                    if !isHidden { visible += 1 }
                    switch part["type"].string {
                    case "text" where !isHidden:
                        if let text = part["text"].string, !text.isEmpty { lines.append(text) }
                    case "file" where !isHidden, "image" where !isHidden:
                        attach(part, &files, number: number)
                        // Bytes within the message have no other place.
                        if Self.hasBytes(part) { otherCount += 1; others.value(part) }
                    case "step-start": break
                    default:
                        if isHidden || part["type"].string == "reasoning" { hasHiddenParts = true }
                        otherCount += 1
                        others.value(part)
                    }
                }
            }
            for (number, part) in extra.elements.enumerated() { attach(part, &files, number: parts.count + number) }
        }
        if !lines.isEmpty { text = lines.joined(separator: "\n") }
        if attachmentCount > 0 { attachments = files.bytes }
        if otherCount > 0 { otherParts = others.bytes }
        isHidden = parts.count > 0 && visible == 0
    }

    private static func isHidden(_ part: JSONView) -> Bool { part["visibility"].string == "llm" }

    /// A file, an image, or an attachment of an AI SDK message, of which the address and the media type have many names.
    private static func attachment(_ part: JSONView, number: Int) -> Attachment? {
        let type =
            part["mediaType"].string ?? part["mimeType"].string ?? part["contentType"].string
            ?? (part["type"].string == "image" ? "image/*" : nil)
        let address = part["url"].string ?? part["data"].string ?? part["image"].string
        let isURL = address.map { $0.hasPrefix("https://") || $0.hasPrefix("http://") } ?? false
        guard address != nil || part["data"].exists || part["image"].exists else { return nil }
        return Attachment(
            kind: ContentKind(mediaType: type), reference: isURL ? nil : "mastra:parts/\(number)",
            url: isURL ? address : nil, name: part["filename"].string ?? part["name"].string,
            contentType: type == "image/*" ? nil : type)
    }

    /// Whether a file is in the message itself, as a data URL or bare base64.
    private static func hasBytes(_ part: JSONView) -> Bool {
        guard let address = part["url"].string ?? part["data"].string ?? part["image"].string else { return true }
        return !address.hasPrefix("https://") && !address.hasPrefix("http://")
    }

    private static func text(of json: JSONView) -> String {
        var writer = JSONWriter()
        writer.value(json)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
