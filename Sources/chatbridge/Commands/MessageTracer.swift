import Bridge
import BridgeCore
import EventLoop
import HTTPCore
import Inbox
import JSON
import Journal
import Redis

/// Looks for one message in all the places where it can be.
struct MessageTracer: Sendable {
    /// What names the message.
    enum Target: Sendable {
        /// Our identifier, of the message or of its answer.
        case id(UUID)
        /// The platform's name of it or of its answer, and how old it may be.
        case named(String, platform: String, since: Timestamp)
    }

    let stores: OperatorStores
    let bridge: BridgeCaller

    /// Looks in the order of its way, so that it cannot slip through while it moves on: the database comes last.
    func trace(_ target: Target) async -> Trace {
        var trace = Trace()
        // First for its name alone: whoever asks may know the answer's, or the platform's.
        await resolve(target, &trace)
        await askBridge(target, &trace)
        await lookIntoInbox(target, &trace)
        var isWanted = Wanted(target: target, ids: trace.ids)
        var jobs = await findJobs(isWanted, &trace)
        read(jobs, isWanted, into: &trace)
        let known = Wanted(target: target, ids: trace.ids)
        if known.ids != isWanted.ids {
            // The name was the platform's, or the answer's: with ours its other half is found too.
            isWanted = known
            jobs = await findJobs(isWanted, &trace)
            read(jobs, isWanted, into: &trace)
        }
        note(jobs, isWanted, in: &trace)
        await lookForDeadDeliveries(isWanted, &trace)
        await readDatabase(&trace)
        if trace.platform == nil {
            trace.platform = trace.question?.platform ?? trace.answers.first?.platform
            trace.conversation = trace.question?.conversation ?? trace.answers.first?.conversation
        }
        trace.faults = trace.faults.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        return trace
    }

    /// Which jobs and events belong to the message.
    struct Wanted: Sendable {
        let target: Target
        let ids: Set<UUID>

        /// Bytes of which each of them holds one at least.
        var parts: [[UInt8]] {
            var parts = ids.map { Array($0.description.utf8) }
            if case .named(let name, _, _) = target, ids.isEmpty { parts.append(Array(name.utf8)) }
            return parts
        }

        func takes(_ message: StoredMessage) -> Bool {
            if ids.contains(message.id) || ids.contains(where: { message.isAnswer(to: $0) }) { return true }
            guard case .named(let name, let platform, _) = target else { return false }
            return message.isNamed(name, on: platform)
        }

        func takes(_ id: UUID, payload: [UInt8]) -> Bool {
            if ids.contains(id) { return true }
            guard case .named(let name, let platform, _) = target, let kept = KeptQuestion(payload: payload) else {
                return false
            }
            return kept.platform.rawValue == platform
                && (kept.event.messageID?.rawValue == name || kept.event.id.rawValue == name)
        }
    }

    // MARK: The way of the question

    private func askBridge(_ target: Target, _ trace: inout Trace) async {
        let path: String
        if let id = trace.id {
            path = "/api/trace?id=\(id)"
        } else if case .named(let name, let platform, _) = target {
            let words = [platform, name].map { HTTPPercentEncoding.encode($0) }
            path = "/api/trace?platform=\(words[0])&message=\(words[1])"
        } else {
            return
        }
        // Nobody there is no fault: this may be another machine, and what is not in work is not there.
        guard case .json(let status, let body) = await bridge.call(.get, path),
            let root = try? JSONView(parsing: body)
        else { return }
        if status == 401 || status == 403 {
            trace.faults.append(
                "\(bridge.url): \(root["error"]["message"].string ?? "refuses us"); set API_TOKEN as it has it")
        }
        guard status == 200, let place = root["place"].string.flatMap(Trace.Sighting.Place.init(rawValue:)) else {
            return
        }
        trace.id = root["id"].string.flatMap { UUID($0) } ?? trace.id
        trace.platform = root["platform"].string
        trace.conversation = root["conversation"].string
        var writer = JSONWriter()
        writer.value(root["timings"])
        trace.liveTimings = writer.bytes
        trace.sightings.append(
            .init(place: place, part: "question", detail: "\(root["detail"].string ?? "") (\(bridge.url))"))
    }

    private func lookIntoInbox(_ target: Target, _ trace: inout Trace) async {
        let wanted = Wanted(target: target, ids: trace.ids)
        do {
            if let shared = stores.shared {
                for shard in shared.shards {
                    for held in try await shard.inbox.heldEvents({ wanted.takes($0, payload: $1) }) {
                        let who = "bridge \(held.bridge)\(held.isAlive ? "" : ", which is gone: another takes it over")"
                        let deaths = held.attempts > 0 ? ", \(held.attempts) bridges have died over it" : ""
                        note(held.id, held.payload, held.progress, at: who + deaths, in: &trace)
                    }
                }
            } else if let file = stores.file {
                let isInUse = await file.isInUse()
                for held in try await file.heldEvents({ wanted.takes($0, payload: $1) }) {
                    let who = isInUse ? file.name : "\(file.name), for the next start"
                    note(held.id, held.payload, held.progress, at: who, in: &trace)
                }
            }
        } catch {
            trace.faults.append("the inbox: \(error)")
        }
    }

    private func note(_ id: UUID, _ payload: [UInt8], _ progress: [UInt8]?, at who: String, in trace: inout Trace) {
        trace.id = trace.id ?? id
        if let kept = KeptQuestion(payload: payload) {
            trace.platform = kept.platform.rawValue
            trace.conversation = kept.event.place.conversation.rawValue
        }
        let place: Trace.Sighting.Place = progress == nil ? .inbox : .outbox
        let words =
            progress == nil
            ? "it waits for its turn, or the agent is asked" : "its answer is on its way, or was when its bridge died"
        trace.sightings.append(.init(place: place, part: "question", detail: "\(who): \(words)"))
    }

    // MARK: The way of its log jobs

    private func findJobs(_ wanted: Wanted, _ trace: inout Trace) async -> [FoundJob] {
        let parts = wanted.parts
        guard !parts.isEmpty else { return [] }
        let isWanted: @Sendable ([UInt8]) -> Bool = { bytes in
            guard parts.contains(where: { bytes.holds($0) }) else { return false }
            switch MessageTracer.job(in: bytes) {
            case .message(let message): return wanted.takes(StoredMessage(message))
            case .status(let change): return wanted.ids.contains(change.id)
            case .receipt, nil: return false
            }
        }
        var jobs: [FoundJob] = []
        do throws(SpoolError) {
            jobs += try await stores.spool.find(isWanted)
        } catch {
            trace.faults.append("the spool: \(error)")
        }
        do {
            if let shared = stores.shared {
                for shard in shared.shards { jobs += try await shard.queue.find(isWanted) }
            } else if let file = stores.file {
                for part in parts { jobs += try await file.jobs(holding: part, isWanted) }
            }
        } catch {
            trace.faults.append("the queue: \(error)")
        }
        return jobs.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The job itself, or that in a dead letter.
    private static func job(in bytes: [UInt8]) -> LogJob? {
        if let job = try? LogJob(decoding: bytes) { return job }
        guard let root = try? JSONView(parsing: bytes), root["job"].kind == .object else { return nil }
        var writer = JSONWriter()
        writer.value(root["job"])
        return try? LogJob(decoding: writer.bytes)
    }

    /// Learns what the jobs tell of the message.
    private func read(_ jobs: [FoundJob], _ wanted: Wanted, into trace: inout Trace) {
        for case .message(let message) in jobs.compactMap({ MessageTracer.job(in: $0.bytes) }) {
            trace.take(StoredMessage(message))
        }
    }

    private func note(_ jobs: [FoundJob], _ wanted: Wanted, in trace: inout Trace) {
        for found in jobs {
            let part =
                switch MessageTracer.job(in: found.bytes) {
                case .message(let message): message.direction == .inbound ? "question" : "answer"
                default: "status"
                }
            let (place, detail): (Trace.Sighting.Place, String) =
                switch found.place {
                case .queue(let ahead):
                    (.queue, "waits for a logger\(ahead > 0 ? ", \(ahead) jobs before it" : "")")
                case .claimed(let logger, let isAlive):
                    (.logger, "logger \(logger)\(isAlive ? "" : ", which is gone: another takes it over")")
                case .spool(let file): (.spool, file)
                case .dead:
                    (.dead, (try? JSONView(parsing: found.bytes))?["error"].string ?? "no database takes it")
                }
            trace.sightings.append(.init(place: place, part: part, detail: detail))
        }
    }

    private func lookForDeadDeliveries(_ wanted: Wanted, _ trace: inout Trace) async {
        do {
            let letters: any DeadLetterStore
            if let shared = stores.shared {
                letters = SharedDeadLetters(stores: shared)
            } else if let file = stores.file {
                letters = try FileDeadLetters(stores: stores, file: file, bridge: bridge)
            } else {
                return
            }
            let found = try await letters.all(.delivery) { letter in
                guard let dead = DeadDelivery(letter: letter.bytes) else { return false }
                return wanted.takes(dead.id, payload: dead.payload)
            }
            for letter in found {
                trace.id = trace.id ?? letter.message
                trace.sightings.append(
                    .init(place: .dead, part: "question", detail: "\(letter.error) (chatbridge dead show \(letter.id))")
                )
            }
        } catch {
            trace.faults.append("the dead letters: \(error)")
        }
    }

    // MARK: The database

    /// Finds the question's name where something of it is written already.
    private func resolve(_ target: Target, _ trace: inout Trace) async {
        do throws(JournalStoreError) {
            switch target {
            case .id(let id):
                trace.id = id
                if let row = try await stores.journal.message(id) { trace.take(row) }
            case .named(let name, let platform, let since):
                for row in try await stores.journal.messages(named: name, on: platform, since: since) {
                    trace.take(row)
                }
            }
        } catch {
            trace.faults.append("\(stores.journalName): \(error)")
        }
    }

    private func readDatabase(_ trace: inout Trace) async {
        guard let id = trace.id else { return }
        do throws(JournalStoreError) {
            let row = try await stores.journal.message(id)
            if let row {
                trace.question = row
                trace.sightings.append(.init(place: .database, part: "question", detail: describe(row)))
            }
            // Without its row its job tells the session.
            guard let question = row ?? trace.question else {
                for answer in trace.answers {
                    guard let row = try await stores.journal.message(answer.id) else { continue }
                    trace.take(row)
                    trace.sightings.append(.init(place: .database, part: "answer", detail: describe(row)))
                }
                return
            }
            for answer in try await stores.journal.answers(to: question) {
                trace.take(answer)
                trace.sightings.append(.init(place: .database, part: "answer", detail: describe(answer)))
            }
        } catch {
            trace.faults.append("\(stores.journalName): \(error)")
        }
    }

    private func describe(_ row: StoredMessage) -> String { "\(stores.journalName): \(row.status)" }
}

extension Trace {
    /// All names under which something of it may be met.
    var ids: Set<UUID> { Set([id].compactMap { $0 } + answers.map(\.id)) }

    /// Learns from a message that belongs to it.
    mutating func take(_ message: StoredMessage) {
        if message.direction == .inbound {
            question = message
            id = message.id
        } else {
            answers.removeAll { $0.id == message.id }
            answers.append(message)
            answers.sort { ($0.at, $0.id) < ($1.at, $1.id) }
            // Whoever asked for the answer means its question too.
            if question == nil, let answered = message.answered { id = answered }
        }
    }
}
