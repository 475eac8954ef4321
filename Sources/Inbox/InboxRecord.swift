internal import BridgeCore
internal import Redis

/// What the hash of a bridge holds of one event, as the scripts write it; see `RedisInbox.common`.
struct InboxRecord {
    /// `a`: to be answered, `s`: a signal, `n`: known by its names alone.
    enum Kind: UInt8 {
        case answer = 0x61
        case signal = 0x73
        case names = 0x6E
    }

    let id: UUID
    let kind: Kind
    /// Its place in the order of claims.
    let number: Int
    let attempts: Int
    let lane: String?
    let payload: [UInt8]
    /// What was left by whoever had begun to answer it; nil where nobody had.
    let progress: [UInt8]?

    /// Reads a kind, three numbers with a space after each, a lane of so many bytes, and the payload.
    init?(id: UUID, bytes: [UInt8], progress: [UInt8]?) {
        guard let first = bytes.first, let kind = Kind(rawValue: first) else { return nil }
        var numbers = (0, 0, 0)
        var index = 1
        for place in 0..<3 {
            var number = 0
            while index < bytes.count, case let digit = bytes[index] &- 0x30, digit < 10 {
                guard number < Int.max / 16 else { return nil }
                number = number * 10 + Int(digit)
                index += 1
            }
            guard index < bytes.count, bytes[index] == UInt8(ascii: " ") else { return nil }
            index += 1
            switch place {
            case 0: numbers.0 = number
            case 1: numbers.1 = number
            default: numbers.2 = number
            }
        }
        let end = index + numbers.2
        guard end <= bytes.count else { return nil }
        self.id = id
        self.kind = kind
        number = numbers.0
        attempts = numbers.1
        lane = end == index ? nil : String(decoding: bytes[index..<end], as: UTF8.self)
        payload = Array(bytes[end...])
        self.progress = progress
    }

    /// The records of a reply: id, record, progress, and so on.
    static func all(in value: RedisValue) -> [InboxRecord] {
        guard let parts = value.array, !parts.isEmpty else { return [] }
        var records: [InboxRecord] = []
        records.reserveCapacity(parts.count / 3)
        for index in stride(from: 0, to: parts.count - 2, by: 3) {
            guard let id = parts[index].text.flatMap({ UUID($0) }), let bytes = parts[index + 1].bytes,
                let record = InboxRecord(id: id, bytes: bytes, progress: parts[index + 2].bytes)
            else { continue }
            records.append(record)
        }
        return records
    }

    /// The event as the engine takes it; nil where only its names are known.
    var delivery: InboxDelivery? {
        guard kind != .names else { return nil }
        return InboxDelivery(
            reference: .init(id: id, lane: lane), purpose: kind == .signal ? .signal : .answer, payload: payload,
            attempts: attempts, progress: progress)
    }
}
