internal import BridgeCore
internal import Glibc
internal import JSON

/// The fields of a log job's JSON, as they lie in the parsed document; valid while that is.
///
/// It takes no decision that ``LogJob`` takes: at the least doubt the job is not plain.
struct PlainMessage {
    struct Session {
        var id: UUID?
        var platform, account, conversation, thread, user: UnsafeRawBufferPointer?
    }

    /// False once something was met that only ``LogJob`` knows what to make of.
    var isPlain = true
    var id: UUID?
    var at: Timestamp?
    var session: Session?
    var direction, sender, type, text, request, status: UnsafeRawBufferPointer?
    var attachments, metadata: UnsafeJSONValue?
    /// A bit for each field met: of several with one name the first counts, so a second is not plain.
    private var met: UInt32 = 0

    mutating func read(_ root: UnsafeJSONValue) {
        let isObject = root.forEachMember { key, value in
            // By length first: no two comparisons are needed but for "id" and "at", and three words of four letters.
            switch key.count {
            case 1 where key.equals("v"): isPlain = meet(0) && (value.int.map { $0 <= LogJob.version } ?? false)
            case 2 where key.equals("id"):
                id = string(value, 1).flatMap { UUID($0) }
            case 2 where key.equals("at"):
                at = string(value, 2).flatMap { Timestamp(canonical: $0) }
            case 4 where key.equals("kind"):
                if string(value, 3)?.equals("message") != true { isPlain = false }
            case 4 where key.equals("text"): text = string(value, 4)
            case 4 where key.equals("type"): type = string(value, 5)
            case 6 where key.equals("sender"): sender = string(value, 6)
            case 6 where key.equals("status"): status = known(string(value, 7))
            case 7 where key.equals("session"): if meet(8) { session = read(session: value) }
            case 7 where key.equals("request"): request = string(value, 9)
            case 8 where key.equals("metadata"): if meet(10) { metadata = value }
            case 9 where key.equals("direction"): direction = string(value, 11)
            case 11 where key.equals("attachments"): if meet(12) { attachments = value }
            default: break
            }
        }
        isPlain = isPlain && isObject
    }

    private mutating func read(session value: UnsafeJSONValue) -> Session? {
        var session = Session()
        value.forEachMember { key, value in
            switch key.count {
            case 2 where key.equals("id"): session.id = string(value, 16).flatMap { UUID($0) }
            case 4 where key.equals("user"): session.user = string(value, 17)
            case 6 where key.equals("thread"): session.thread = string(value, 18)
            case 7 where key.equals("account"): session.account = string(value, 19)
            case 8 where key.equals("platform"): session.platform = string(value, 20)
            case 12 where key.equals("conversation"): session.conversation = string(value, 21)
            default: break
            }
        }
        return session
    }

    private mutating func meet(_ field: UInt32) -> Bool {
        if met & 1 << field != 0 { isPlain = false }
        met |= 1 << field
        return isPlain
    }

    /// A string without NUL, or nil for null; anything else is not plain.
    private mutating func string(_ value: UnsafeJSONValue, _ field: UInt32) -> UnsafeRawBufferPointer? {
        guard meet(field) else { return nil }
        guard let text = value.utf8 else {
            if value.kind != .null { isPlain = false }
            return nil
        }
        if let start = text.baseAddress, text.count > 0, memchr(start, 0, text.count) != nil { isPlain = false }
        return text
    }

    private mutating func known(_ status: UnsafeRawBufferPointer?) -> UnsafeRawBufferPointer? {
        guard let status else { return nil }
        for name in Self.statuses where status.equals(name) { return status }
        isPlain = false
        return nil
    }

    /// As ``MessageStatus``, the commonest first; held against it by a test.
    static let statuses: [StaticString] = ["received", "sent", "delivered", "read", "failed", "edited", "deleted"]
}

extension UnsafeRawBufferPointer {
    func equals(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount, let start = baseAddress else { return false }
        return memcmp(start, word.utf8Start, count) == 0
    }
}
