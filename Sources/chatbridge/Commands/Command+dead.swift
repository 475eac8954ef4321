import BridgeCore
import Glibc
import Inbox
import JSON
import Journal
import Redis

extension Command {
    /// `chatbridge dead`: what could not be written, and what could not be delivered.
    static let dead = Command(
        name: "dead", summary: "lists, shows, retries and drops dead letters of the log and of deliveries",
        help: """
            Usage: chatbridge dead [list | show ID | retry ID | retry --all | drop ID | drop --all] [OPTIONS]

            Dead letters are log jobs that no database takes (kind log), and messages that got no answer, or of whose answer nobody knows
            whether it arrived (kind delivery). They lie in Redis, or without REDIS_URL in SPOOL_DIR/inbox.db. ID is the letter's, or that of
            the message that it is about or answers.

              list             counts and lists them, newest first (the default)
              show ID          prints one with all that is in it
              retry ID         log: back to the queue, to no effect where it is written already; delivery: the agent is asked
                               again and its answer sent, so its user may read a second answer
              drop ID          takes one away for good; asks first
              --all            with retry and drop: all of them, or of --kind
              --kind KIND      log or delivery alone
              --limit N        with list: so many of a kind (50)
              --offset N       with list: after so many
              --yes            with drop: does not ask
              --url URL        where chatbridge run listens; by default http://HOST:PORT of the configuration
              --json           JSON instead of lines

            Exit code: 0 done, 1 there is no such letter or it stays dead, 64 wrong usage, 69 Redis or the file cannot be reached.

            Example: chatbridge dead retry --all --kind log
            """
    ) { arguments in
        let order = try DeadOrder(&arguments)
        return try withStores { stores in
            let letters: any DeadLetterStore
            if let shared = stores.shared {
                letters = SharedDeadLetters(stores: shared)
            } else if let file = stores.file {
                let bridge = BridgeCaller(stores.product, url: order.url, loop: stores.loop)
                letters = try FileDeadLetters(stores: stores, file: file, bridge: bridge)
            } else {
                return .failure
            }
            let place = stores.shared?.name ?? stores.file?.name ?? ""
            do {
                return try await DeadRun(order: order, letters: letters).run()
            } catch let error as JobQueueError {
                return unreachable(place, error.message)
            } catch let error as RedisError {
                return unreachable(place, error.message)
            } catch let error as JournalStoreError {
                return unreachable(stores.journalName, error.message)
            } catch let error as InboxFileError {
                Terminal.complain("chatbridge dead: \(error)")
                return error.code == .damaged ? .dataError : .unavailable
            } catch DeadLetterProblem.unreachable(let reason) {
                Terminal.complain("chatbridge dead: \(reason); is HOST, PORT or --url that of the running one?")
                return .unavailable
            }
        }
    }

    private static func unreachable(_ place: String, _ reason: String) -> ExitCode {
        Terminal.complain(
            "chatbridge dead: \(place): \(reason); chatbridge doctor says what to do about it")
        return .unavailable
    }
}

/// What was asked for on the command line.
struct DeadOrder: Sendable {
    enum Verb: String, Sendable {
        case list, show, retry, drop
    }

    let verb: Verb
    /// A letter, or the message that it is about; nil: all.
    let name: String?
    let kinds: [DeadLetter.Kind]
    let limit: Int
    let offset: Int
    let isSure: Bool
    let isJSON: Bool
    let url: String?

    init(_ arguments: inout Arguments) throws(Arguments.UsageError) {
        isJSON = arguments.flag("--json")
        isSure = arguments.flag("--yes", "-y")
        let isAll = arguments.flag("--all")
        limit = try arguments.integer("--limit", in: 1...1_000_000) ?? 50
        offset = try arguments.integer("--offset", in: 0...1_000_000_000) ?? 0
        url = try arguments.value("--url")
        if let text = try arguments.value("--kind") {
            guard let kind = DeadLetter.Kind(rawValue: text) else {
                throw Arguments.UsageError(message: "--kind \(text): log or delivery is expected")
            }
            kinds = [kind]
        } else {
            kinds = DeadLetter.Kind.allCases
        }
        let word = arguments.next() ?? "list"
        guard let verb = Verb(rawValue: word) else {
            throw Arguments.UsageError(message: "\(word) is not list, show, retry or drop")
        }
        self.verb = verb
        name = verb == .list ? nil : arguments.next()
        try arguments.end()
        switch verb {
        case .list:
            guard !isAll, !isSure else { throw Arguments.UsageError(message: "--all and --yes are for retry and drop") }
        case .show:
            guard name != nil, !isAll else { throw Arguments.UsageError(message: "show needs the ID of a letter") }
        case .retry, .drop:
            guard (name != nil) != isAll else {
                throw Arguments.UsageError(message: "\(word) needs the ID of a letter, or --all")
            }
        }
    }
}

/// One run of `chatbridge dead`.
private struct DeadRun: Sendable {
    let order: DeadOrder
    let letters: any DeadLetterStore

    func run() async throws -> ExitCode {
        switch order.verb {
        case .list: return try await list()
        case .show: return try await show()
        case .retry: return try await retry()
        case .drop: return try await drop()
        }
    }

    // MARK: Looking

    private func list() async throws -> ExitCode {
        var counts: [DeadLetter.Kind: Int] = [:]
        var pages: [(kind: DeadLetter.Kind, letters: [DeadLetter])] = []
        for kind in order.kinds {
            counts[kind] = try await letters.count(kind)
            var page: [DeadLetter] = []
            while page.count < order.limit {
                let next = try await letters.page(
                    kind, from: order.offset + page.count, count: min(500, order.limit - page.count))
                page += next
                if next.count < min(500, order.limit) { break }
            }
            pages.append((kind, page))
        }
        if order.isJSON {
            var writer = JSONWriter()
            writer.object { object in
                object.objectField("counts") { count in
                    for kind in order.kinds {
                        count.key(kind.rawValue)
                        count.value(Int64(counts[kind] ?? 0))
                    }
                }
                object.arrayField("letters") { array in
                    for letter in pages.flatMap(\.letters) { letter.write(to: &array, isWhole: false) }
                }
            }
            Terminal.say(String(decoding: writer.bytes, as: UTF8.self))
            return .success
        }
        let now = Timestamp.now()
        for (kind, page) in pages {
            let count = counts[kind] ?? 0
            Terminal.say(Terminal.styled("\(kind.rawValue): \(count) dead letter\(count == 1 ? "" : "s")", .strong))
            for letter in page {
                Terminal.say(
                    "  \(letter.id)  \(Terminal.padded(letter.age(at: now), to: 7))  \(Terminal.clean(letter.summary))  "
                        + Terminal.styled(Terminal.clean(letter.error), .bad))
            }
            let shown = order.offset + page.count
            if shown < count, !page.isEmpty { Terminal.say("  … \(count - shown) more: --offset \(shown)") }
        }
        return .success
    }

    private func show() async throws -> ExitCode {
        let found = try await named()
        guard !found.isEmpty else { return nothing() }
        for letter in found {
            if order.isJSON {
                var writer = JSONWriter()
                letter.write(to: &writer, isWhole: true)
                Terminal.say(String(decoding: writer.bytes, as: UTF8.self))
                continue
            }
            Terminal.say("\(Terminal.styled(letter.id, .strong))  \(letter.kind.rawValue)")
            if let message = letter.message { Terminal.say("message  \(message)") }
            if let at = letter.at { Terminal.say("filed    \(at)") }
            Terminal.say("about    \(Terminal.clean(letter.summary))")
            Terminal.say("error    \(Terminal.clean(letter.error))")
            Terminal.say("letter   \(Terminal.clean(String(decoding: letter.bytes, as: UTF8.self)))")
        }
        return .success
    }

    /// The letters that the command line names; all where it says so.
    private func named() async throws -> [DeadLetter] {
        var found: [DeadLetter] = []
        for kind in order.kinds {
            found += try await letters.all(kind) { letter in order.name.map { letter.isNamed($0) } ?? true }
        }
        return found
    }

    private func nothing() -> ExitCode {
        guard let name = order.name else {
            report(done: 0, gone: 0, stays: [], words: "no dead letters")
            return .success
        }
        Terminal.complain(
            "chatbridge dead: there is no dead letter \(name); chatbridge dead list shows which there are")
        return .failure
    }

    // MARK: Doing

    private func retry() async throws -> ExitCode {
        let found = try await named()
        guard !found.isEmpty else { return nothing() }
        var (done, gone) = (0, 0)
        var words: [String] = []
        var stays: [(DeadLetter, String)] = []
        // The oldest first: that is the order in which they were meant to go.
        for letter in found.reversed() {
            switch try await letters.retry(letter) {
            case .underWay(let what):
                done += 1
                if !words.contains(what) { words.append(what) }
            case .gone: gone += 1
            case .stays(let why): stays.append((letter, why))
            }
        }
        report(
            done: done, gone: gone, stays: stays,
            words: "\(done) retried\(words.isEmpty ? "" : ": ")\(words.joined(separator: "; "))")
        return stays.isEmpty ? .success : .failure
    }

    private func drop() async throws -> ExitCode {
        let found = try await named()
        guard !found.isEmpty else { return nothing() }
        guard order.isSure || confirm(found) else { return .usage }
        var (done, gone) = (0, 0)
        for letter in found.reversed() {
            if try await letters.drop(letter) { done += 1 } else { gone += 1 }
        }
        report(done: done, gone: gone, stays: [], words: "\(done) dropped")
        return .success
    }

    private func confirm(_ found: [DeadLetter]) -> Bool {
        guard Terminal.isTerminal(0), Terminal.isTerminal(1) else {
            Terminal.complain("chatbridge dead: --yes is needed where nobody can be asked")
            return false
        }
        let what = found.count == 1 ? "dead letter \(found[0].id)" : "\(found.count) dead letters"
        print("Drop \(what) for good? [y/N] ", terminator: "")
        fflush(nil)
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            Terminal.complain("nothing was dropped")
            return false
        }
        return true
    }

    private func report(done: Int, gone: Int, stays: [(letter: DeadLetter, why: String)], words: String) {
        if order.isJSON {
            var writer = JSONWriter()
            writer.object { object in
                object.field("done", done)
                object.field("gone", gone)
                object.arrayField("stays") { array in
                    for (letter, why) in stays {
                        array.object {
                            $0.field("id", letter.id)
                            $0.field("error", why)
                        }
                    }
                }
            }
            return Terminal.say(String(decoding: writer.bytes, as: UTF8.self))
        }
        Terminal.say(words)
        if gone > 0 { Terminal.say("\(gone) were seen to by somebody else meanwhile") }
        for (letter, why) in stays { Terminal.complain("\(letter.id) stays dead: \(Terminal.clean(why))") }
    }
}
