/// Something that was changed in a row so that our tables can hold it; the row itself is never lost for it.
public enum ImportChange: String, Sendable, Hashable, CaseIterable {
    /// An identifier that is no UUID was turned into one, the same in every run.
    case idDerived
    /// A message of the same time as the one before it, or with an earlier one, was put 1 µs behind it.
    case timeNudged
    /// NUL or half a surrogate pair in a text was replaced by U+FFFD.
    case textReplaced
    /// Bytes that are not UTF-8 were replaced by U+FFFD.
    case notUTF8
    /// What should be JSON is none, and was kept as `{"raw": …}`.
    case jsonWrapped
    /// SQLite's binary JSON became text.
    case binaryJSONDecoded
    /// A message's session was not in the source: one was made for it.
    case sessionMade
    /// A conversation began before, or ended after, what its row says: its messages decide.
    case sessionTimesWidened
    /// A time was missing; another column of the row stands in.
    case timeMissing
    /// A value that our tables do not know was replaced by the nearest that they do.
    case valueReplaced
    /// Parts that are for the model alone were left out of the text; they are in the metadata.
    case modelPartsLeftOut
    /// A row that is for the model alone, or of the system, is kept as an event without text.
    case keptAsEvent
    /// A row was left out, as the mapping says; it is in no page.
    case leftOut

    /// What was changed, as a few words behind a count.
    public var summary: String {
        switch self {
        case .idDerived: "ids turned into UUIDs"
        case .timeNudged: "times moved by microseconds to keep the order"
        case .textReplaced: "texts with NUL or lone surrogates, replaced by U+FFFD"
        case .notUTF8: "texts that are not UTF-8, replaced by U+FFFD"
        case .jsonWrapped: "JSON columns without valid JSON, kept as {\"raw\": …}"
        case .binaryJSONDecoded: "binary JSON columns decoded"
        case .sessionMade: "sessions made for messages without one"
        case .sessionTimesWidened: "sessions whose times were widened to those of their messages"
        case .timeMissing: "missing times taken from another column"
        case .valueReplaced: "values unknown to our tables, replaced"
        case .modelPartsLeftOut: "messages with parts for the model alone, kept in the metadata"
        case .keptAsEvent: "messages of the system, tools or for the model alone, kept as events"
        case .leftOut: "rows left out, as the mapping says"
        }
    }
}
