public import BridgeCore
internal import Crypto
internal import JSON

/// People who were forgotten, as a store knows them: by keyed hashes, each with the time up to which nothing of theirs is kept.
///
/// `chatbridge forget` enters them; the rows go some weeks later, and the keys with them.
public struct Erasures: Sendable {
    /// One person's.
    public struct Entry: Sendable {
        /// What the hash is keyed with.
        public var key: [UInt8]
        /// ``Erasures/hash(platform:user:key:)``.
        public var person: [UInt8]
        /// What was said until then is not kept.
        public var at: Timestamp

        /// An entry as it is in the table.
        public init(key: [UInt8], person: [UInt8], at: Timestamp) {
            self.key = key
            self.person = person
            self.at = at
        }
    }

    /// The number of the latest entry: another one in the table means that there are others to know.
    package let number: Int64
    private var keys: [HMACSHA256Key] = []
    private var times: [[UInt8]: Timestamp] = [:]
    /// What was said after it is nobody's who was forgotten.
    private var latest = Timestamp(microseconds: .min)
    /// An answer is given so long after its question at the most, as far as is looked.
    private static let longestAnswer = Duration.seconds(3600)

    /// Nobody was forgotten.
    package init() {
        number = 0
    }

    /// The people in the table.
    init(number: Int64, _ entries: [Entry]) {
        self.number = number
        for key in Set(entries.map(\.key)) { keys.append(HMACSHA256Key(key)) }
        for entry in entries {
            times[entry.person] = max(times[entry.person] ?? entry.at, entry.at)
            latest = max(latest, entry.at)
        }
    }

    /// The hash by which a person is known: HMAC-SHA-256 of the platform's name, NUL, the user's id.
    public static func hash(platform: String, user: String, key: [UInt8]) -> [UInt8] {
        hash(platform, user, HMACSHA256Key(key))
    }

    private static func hash(_ platform: String, _ user: String, _ key: HMACSHA256Key) -> [UInt8] {
        var code = HMACSHA256(key)
        code.update(platform)
        code.update([0])
        code.update(user)
        return code.finalize()
    }

    /// Whether something that old may be of somebody who was forgotten.
    func mayCover(_ oldest: Timestamp?) -> Bool {
        guard !times.isEmpty, let oldest else { return false }
        return oldest <= latest.advanced(by: Self.longestAnswer)
    }

    /// Whether a message is of somebody, or to somebody, who was forgotten after it was said, or after its question was asked.
    package func cover(_ message: LogMessage) -> Bool {
        guard mayCover(message.at) else { return false }
        let asked = message.direction == .outbound ? Self.question(message.metadata) : nil
        let time = min(message.at, asked ?? message.at)
        guard time <= latest else { return false }
        for user in Set([message.sender, message.session.user].compactMap { $0 }) {
            for key in keys {
                if let until = times[Self.hash(message.session.platform, user, key)], time <= until { return true }
            }
        }
        return false
    }

    /// When the question was asked that an answer's metadata name, by its id of version 7.
    private static func question(_ metadata: [UInt8]) -> Timestamp? {
        guard let id = (try? JSONView(parsing: metadata))?["in_reply_to"].string.flatMap({ UUID($0) }) else {
            return nil
        }
        return id.timeOfVersion7
    }
}

extension UUID {
    /// The time in an id of version 7 (RFC 9562, section 5.7), to the millisecond; nil for other versions.
    package var timeOfVersion7: Timestamp? {
        guard high >> 12 & 0xF == 7 else { return nil }
        return Timestamp(microseconds: Int64(high >> 16) * 1000)
    }
}
