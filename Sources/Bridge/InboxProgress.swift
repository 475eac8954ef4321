internal import BridgeCore
internal import JSON

/// How far a bridge came with an answer, for whoever has to finish it should that bridge die.
enum InboxProgress {
    /// The answer is whole: the same can be sent again, and written down under the same id.
    case answer(AgentClient.Answer, row: UUID?)
    /// The user is being told that there is none.
    case told
    /// It is being tried alone, since bridges have died over it.
    case tried

    /// `{"text","row","request","finish_reason","attachments"}`, `{"told":true}` or `{"tried":true}`; nil for an answer that holds
    /// files as bytes, which would cost more than it is worth.
    var encoded: [UInt8]? {
        var writer = JSONWriter(capacity: 256)
        let answer: AgentClient.Answer
        let row: UUID?
        switch self {
        case .answer(let whole, let id): (answer, row) = (whole, id)
        case .told, .tried:
            writer.object { object in
                if case .told = self { object.field("told", true) } else { object.field("tried", true) }
            }
            return writer.bytes
        }
        var isWhole = true
        writer.object { object in
            object.field("text", answer.text)
            object.field("row", row?.description)
            object.field("request", answer.receipt.requestID)
            object.field("finish_reason", answer.receipt.finishReason)
            guard !answer.attachments.isEmpty else { return }
            object.arrayField("attachments") { list in
                for attachment in answer.attachments {
                    guard case .url(let url) = attachment.source else {
                        isWhole = false
                        continue
                    }
                    list.object {
                        $0.field("kind", attachment.kind.rawValue)
                        $0.field("url", url)
                        $0.field("name", attachment.name)
                        $0.field("content_type", attachment.contentType)
                    }
                }
            }
        }
        return isWhole ? writer.bytes : nil
    }

    /// Nil for anything that ``encoded`` did not write.
    init?(_ bytes: [UInt8]) {
        guard let root = try? JSONView(parsing: bytes) else { return nil }
        if root["told"].bool == true {
            self = .told
            return
        }
        if root["tried"].bool == true {
            self = .tried
            return
        }
        guard let text = root["text"].string else { return nil }
        let attachments = root["attachments"].elements.compactMap { item -> OutboundAttachment? in
            guard let kind = item["kind"].string.flatMap(ContentKind.init(rawValue:)), let url = item["url"].string
            else {
                return nil
            }
            return OutboundAttachment(
                kind: kind, source: .url(url), name: item["name"].string, contentType: item["content_type"].string)
        }
        self = .answer(
            AgentClient.Answer(
                text: text, attachments: attachments,
                receipt: AgentReceipt(requestID: root["request"].string, finishReason: root["finish_reason"].string)),
            row: root["row"].string.flatMap { UUID($0) })
    }
}
