import Bridge
import BridgeCore
import EventLoop
import HTTPCore
import Inbox
import JSON
import Journal
import Redis

/// Where dead letters lie, and what can be done with them there.
protocol DeadLetterStore: Sendable {
    /// How many there are of a kind.
    func count(_ kind: DeadLetter.Kind) async throws -> Int
    /// Some of a kind, newest first, from a place in that order.
    func page(_ kind: DeadLetter.Kind, from offset: Int, count: Int) async throws -> [DeadLetter]
    /// Takes one away; false where it is not there any more.
    func drop(_ letter: DeadLetter) async throws -> Bool
    /// Tries once more what could not be done.
    func retry(_ letter: DeadLetter) async throws -> DeadLetterOutcome
}

/// What came of another try.
enum DeadLetterOutcome: Sendable {
    /// It is on its way again; in words.
    case underWay(String)
    /// It is not there any more: somebody else has seen to it.
    case gone
    /// It stays a dead letter; why.
    case stays(String)
}

extension DeadLetterStore {
    /// All of a kind that are wanted, newest first, page by page.
    func all(_ kind: DeadLetter.Kind, where isWanted: (DeadLetter) -> Bool) async throws -> [DeadLetter] {
        var found: [DeadLetter] = []
        var offset = 0
        while true {
            let page = try await page(kind, from: offset, count: 500)
            found += page.filter(isWanted)
            offset += page.count
            // One that is filed meanwhile moves the others on: what is seen twice counts once.
            if page.count < 500 { break }
        }
        var seen: Set<String> = []
        return found.filter { seen.insert("\($0.id) \($0.number)").inserted }
    }
}

/// The dead letters that bridges and loggers share in Redis.
struct SharedDeadLetters: DeadLetterStore {
    let stores: OperatorStores.Shared

    func count(_ kind: DeadLetter.Kind) async throws -> Int {
        var count = 0
        for shard in stores.shards { count += try await shard.deadCount(kind) }
        return count
    }

    /// Those of a cluster are in order within each shard, one shard after the other.
    func page(_ kind: DeadLetter.Kind, from offset: Int, count: Int) async throws -> [DeadLetter] {
        var letters: [DeadLetter] = []
        var skipped = 0
        for (number, shard) in stores.shards.enumerated() where letters.count < count {
            let start = max(0, offset - skipped)
            let page = try await shard.deadLetters(kind, from: start, count: count - letters.count)
            letters += page.map { DeadLetter(kind, $0, number: Int64(number)) }
            // Only where there are others is it of interest how many there were here.
            if stores.shards.count > 1 { skipped += try await shard.deadCount(kind) }
        }
        return letters
    }

    func drop(_ letter: DeadLetter) async throws -> Bool {
        let shard = stores.shards[Int(letter.number)]
        switch letter.kind {
        case .log: return try await shard.queue.dropDeadLetter(letter.bytes)
        case .delivery: return try await shard.inbox.dropDeadLetter(letter.bytes)
        }
    }

    func retry(_ letter: DeadLetter) async throws -> DeadLetterOutcome {
        let shard = stores.shards[Int(letter.number)]
        switch letter.kind {
        case .log:
            guard let job = letter.job else { return .stays("there is no job in it") }
            let isBack = try await shard.queue.retryDeadLetter(letter.bytes, job: job)
            return isBack ? .underWay("back in the queue") : .gone
        case .delivery:
            guard let delivery = DeadDelivery(letter: letter.bytes), let question = delivery.question else {
                return .stays("its event cannot be read by this version")
            }
            // One that came without a conversation's name lies in the shard of its own.
            let isOfLane = RedisInboxDesk.shard(of: question.lane, among: stores.shards.count) == letter.number
            let living = try await shard.inbox.reviveDelivery(
                letter.bytes, id: delivery.id, lane: isOfLane ? question.lane : "", payload: delivery.payload,
                progress: delivery.answer == nil ? nil : delivery.progress)
            guard let living else { return .gone }
            return .underWay(living > 0 ? "a bridge answers it now" : "no bridge runs: the next that starts answers it")
        }
    }
}

extension OperatorStores.Shared.Shard {
    fileprivate func deadCount(_ kind: DeadLetter.Kind) async throws -> Int {
        switch kind {
        case .log: try await queue.deadCount()
        case .delivery: try await inbox.deadCount()
        }
    }

    fileprivate func deadLetters(_ kind: DeadLetter.Kind, from offset: Int, count: Int) async throws -> [[UInt8]] {
        switch kind {
        case .log: try await queue.deadLetters(from: offset, count: count)
        case .delivery: try await inbox.deadLetters(from: offset, count: count)
        }
    }
}

/// The dead letters of `chatbridge run` without Redis, in its file.
struct FileDeadLetters: DeadLetterStore {
    private let stores: OperatorStores
    private let file: InboxFileReader
    private let bridge: BridgeCaller
    /// Where jobs are written to; opened with the first.
    private let storage: Storage

    /// - Throws: where the database's URL is none.
    init(stores: OperatorStores, file: InboxFileReader, bridge: BridgeCaller) throws {
        self.stores = stores
        self.file = file
        self.bridge = bridge
        storage = try Storage(stores.product.database)
    }

    func count(_ kind: DeadLetter.Kind) async throws -> Int {
        try await file.deadCount(kind.table)
    }

    func page(_ kind: DeadLetter.Kind, from offset: Int, count: Int) async throws -> [DeadLetter] {
        try await file.deadLetters(kind.table, from: offset, count: count).map {
            DeadLetter(kind, $0.bytes, number: $0.number)
        }
    }

    func drop(_ letter: DeadLetter) async throws -> Bool {
        try await file.dropDeadLetter(letter.inFile, letter.kind.table)
    }

    func retry(_ letter: DeadLetter) async throws -> DeadLetterOutcome {
        switch letter.kind {
        case .log: try await write(letter)
        case .delivery: try await answer(letter)
        }
    }

    /// The queue belongs to the process that runs, so the job goes to the database from here; twice is harmless.
    private func write(_ letter: DeadLetter) async throws -> DeadLetterOutcome {
        guard let job = letter.job else { return .stays("there is no job in it") }
        if let error = try await JournalLogger.write(job, to: storage.store, loop: stores.loop) { return .stays(error) }
        return try await drop(letter) ? .underWay("written to the database") : .gone
    }

    private func answer(_ letter: DeadLetter) async throws -> DeadLetterOutcome {
        guard let delivery = DeadDelivery(letter: letter.bytes), let question = delivery.question else {
            return .stays("its event cannot be read by this version")
        }
        do throws(InboxFileError) {
            let isThere = try await file.reviveDelivery(
                letter.inFile, id: delivery.id, lane: question.lane, payload: delivery.payload,
                progress: delivery.answer == nil ? nil : delivery.progress)
            return isThere ? .underWay("chatbridge run does not run: its next start answers it") : .gone
        } catch {
            guard error.code == .inUse else { throw error }
        }
        // The process that has the file answers it; the letter goes when the user has the answer.
        switch await bridge.call(.post, "/api/dead/retry", body: letter.bytes, patience: .seconds(600)) {
        case .none(let reason): throw DeadLetterProblem.unreachable("the chatbridge that runs: \(reason)")
        case .json(200, _): return try await drop(letter) ? .underWay("answered") : .gone
        case .json(let status, let body):
            let message = (try? JSONView(parsing: body))?["error"]["message"].string
            return .stays("\(status): \(message ?? "no message")")
        }
    }
}

/// What ends the command.
enum DeadLetterProblem: Error {
    case unreachable(String)
}

extension DeadLetter {
    fileprivate var inFile: InboxFileReader.Letter { InboxFileReader.Letter(number: number, bytes: bytes) }
}

extension DeadLetter.Kind {
    fileprivate var table: InboxFileReader.Kind {
        switch self {
        case .log: .jobs
        case .delivery: .deliveries
        }
    }
}
