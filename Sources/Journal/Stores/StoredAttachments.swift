internal import JSON

/// Attachments of a message, and the news of where they are stored.
enum StoredAttachments {
    /// The attachments with what is told of each written into it as its `stored`, in the place of what was there.
    ///
    /// News of attachments that are not there are nothing.
    ///
    /// - Parameters:
    ///   - attachments: a JSON array.
    ///   - news: a JSON object, as ``LogStatusChange/stored``.
    /// - Returns: nil when there is nothing to write.
    static func told(_ attachments: [UInt8], _ news: [UInt8]) -> [UInt8]? {
        guard let list = try? JSONView(parsing: attachments), list.kind == .array,
            let news = try? JSONView(parsing: news), news.kind == .object
        else { return nil }
        var writer = JSONWriter(capacity: attachments.count + 512)
        writer.array { array in
            for (place, attachment) in list.elements.enumerated() {
                let stored = news["\(place)"]
                guard attachment.kind == .object, stored.kind == .object else {
                    array.value(attachment)
                    continue
                }
                array.object { object in
                    for (name, value) in attachment.members where name != "stored" {
                        object.key(name)
                        object.value(value)
                    }
                    object.key("stored")
                    object.value(stored)
                }
            }
        }
        return writer.bytes
    }
}
