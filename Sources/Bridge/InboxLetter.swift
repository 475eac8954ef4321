internal import BridgeCore
internal import JSON

/// A dead letter of a question: why it has no answer, and all that is needed to answer it by hand.
enum InboxLetter {
    /// `{"error","at","id","payload"[,"answer"]}`.
    static func encode(error: String, id: UUID, payload: [UInt8], progress: [UInt8]? = nil) -> [UInt8] {
        var writer = JSONWriter(capacity: payload.count + 256)
        writer.object { object in
            object.field("error", error)
            object.field("at", Timestamp.now())
            object.field("id", id)
            object.key("payload")
            write(payload, to: &object)
            if let progress, !progress.isEmpty {
                object.key("answer")
                write(progress, to: &object)
            }
        }
        return writer.bytes
    }

    /// JSON as it is, anything else as text.
    private static func write(_ bytes: [UInt8], to writer: inout JSONWriter) {
        if let view = try? JSONView(parsing: bytes) {
            writer.value(view)
        } else {
            writer.value(String(decoding: bytes, as: UTF8.self))
        }
    }
}
