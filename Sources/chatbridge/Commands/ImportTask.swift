import Glibc
import Importer
import Journal
import Postgres

/// One run of `chatbridge import`.
struct ImportTask: Sendable {
    let path: String
    let options: ImportOptions
    let configuration: PostgresConfiguration

    /// Opens the file, does what is asked for and says what came of it.
    func run() async -> ExitCode {
        do {
            let map = try options.map.map { try Self.read($0) }
            let mapping = try map.map { try ImportMapping(parsing: $0) }
            let source = try await openImportSource(path: path, mapping: mapping)
            do {
                let code = try await run(source, ImportFingerprint(path: path, mapping: map))
                await source.close()
                return code
            } catch {
                await source.close()
                throw error
            }
        } catch {
            return Self.complain(error)
        }
    }

    /// Prints a first mapping.
    static func suggestMap(for path: String) async -> ExitCode {
        do {
            Terminal.say(String(decoding: try await ImportMapping.suggest(from: path), as: UTF8.self))
            return .success
        } catch {
            return complain(error)
        }
    }

    private func run(_ source: any ImportSource, _ fingerprint: ImportFingerprint) async throws -> ExitCode {
        let counts = try await source.counts()
        Terminal.say(
            "\(path): \(Self.title(of: source)), \(counts.sessions.grouped) sessions, \(counts.messages.grouped) messages"
        )
        if options.onlyValidates { return try await validate(source) }

        var writer = ImportWriter(
            source: source, fingerprint: fingerprint, configuration: configuration,
            rejectedPath: options.rejected ?? "\(path).rejected.jsonl")
        writer.startsOver = options.startsOver
        writer.patience = .seconds(options.patience)
        if let batch = options.batch { writer.pageSize = batch }
        if options.isDryRun { return try await preview(writer) }

        let started = ContinuousClock.now
        let progress = ProgressLine()
        let summary = try await progress.during { try await writer.run(progress: $0) }
        let seconds = started.duration(to: .now).seconds
        if summary.resumedAfter > 0 {
            Terminal.say(
                "an earlier run had been interrupted after \(summary.resumedAfter.grouped) messages; it went on there")
        }
        let read = summary.messages - summary.resumedAfter
        Terminal.say(
            "imported in \(seconds.rounded(to: 1)) s, \((Double(read) / max(seconds, 0.001)).grouped) messages/s:")
        Terminal.say("  sessions  \(Self.added(summary.sessionsAdded, of: summary.sessions))")
        Terminal.say("  messages  \(Self.added(summary.messagesAdded, of: summary.messages))")
        Self.say(summary.changes, "changed")
        if summary.erased > 0 {
            Terminal.say("  left out  \(summary.erased.grouped) messages of people who were forgotten since")
        }
        if summary.rejected > 0 {
            Terminal.say(
                "  " + Terminal.styled("rejected", .bad)
                    + "  \(summary.rejected.grouped) rows, each with its reason in \(writer.rejectedPath)")
        }
        let code: ExitCode = options.skipsValidation ? .success : try await validate(source)
        return code == .success && summary.rejected > 0 ? .dataError : code
    }

    // MARK: Dry run

    private func preview(_ writer: ImportWriter) async throws -> ExitCode {
        let preview = try await ProgressLine().during { try await writer.preview(progress: $0) }
        Terminal.say("nothing has been written; an import")
        Terminal.say(
            "  adds      \((preview.sessions - preview.sessionsThere).grouped) sessions and "
                + "\((preview.messages - preview.messagesThere).grouped) messages")
        Terminal.say(
            "  finds     \(preview.sessionsThere.grouped) sessions and \(preview.messagesThere.grouped) messages there already"
        )
        if let done = preview.resumesAfter {
            Terminal.say("  goes on   behind the \(done.grouped) messages of an earlier run")
        }
        Self.say(preview.changes, "changes")
        guard preview.rejected > 0 else { return .success }
        Terminal.say("  " + Terminal.styled("rejects", .bad) + "   \(preview.rejected.grouped) rows, for instance:")
        for row in preview.examples {
            Terminal.say("            \(row.table), row \(row.rowid): \(row.reason)")
        }
        return .dataError
    }

    // MARK: Comparing

    private func validate(_ source: any ImportSource) async throws -> ExitCode {
        var validator = ImportValidator(source: source, configuration: configuration)
        validator.samples = options.samples
        let found = try await ProgressLine().during { try await validator.run(progress: $0) }
        for sample in found.samples {
            Terminal.say()
            for line in SideBySide(sample, width: Terminal.width(1)).lines { Terminal.say(line) }
        }
        if !found.samples.isEmpty { Terminal.say() }
        let compared = "\(found.sessions.grouped) sessions, \(found.messages.grouped) messages"
        if found.differences == 0 {
            Terminal.say("compared \(compared): " + Terminal.styled("0 differences", .good))
        } else {
            Terminal.say(
                "compared \(compared): "
                    + Terminal.styled("\(found.differences.grouped) sessions differ", .bad))
            for difference in found.list { Terminal.say("  \(difference)") }
            if found.list.count < found.differences { Terminal.say("  … (the first \(found.list.count))") }
        }
        if found.later > 0 || found.movedOn > 0 {
            Terminal.say(
                Terminal.styled(
                    "no differences, but news since: \(found.later.grouped) later messages, "
                        + "\(found.movedOn.grouped) with a newer status", .dim))
        }
        if found.erased > 0 {
            Terminal.say("not compared: \(found.erased.grouped) messages of people who were forgotten")
        }
        if found.rejected > 0, options.onlyValidates {
            Terminal.say("not compared: \(found.rejected.grouped) rows that cannot be imported (--dry-run says why)")
        }
        if found.differences > 0 { return .failure }
        return found.rejected > 0 ? .dataError : .success
    }

    // MARK: Words

    private static func title(of source: any ImportSource) -> String {
        switch source.name {
        case "ChatBridge": "ChatBridge's own store"
        case "Mastra": "Mastra's storage"
        case "mapping": "read by its mapping"
        default: source.name
        }
    }

    private static func added(_ added: Int, of total: Int) -> String {
        "\(added.grouped) added" + (added < total ? ", \((total - added).grouped) there already or not imported" : "")
    }

    private static func say(_ changes: [ImportChange: Int], _ verb: String) {
        for change in ImportChange.allCases {
            guard let count = changes[change], count > 0 else { continue }
            Terminal.say("  \(verb)   \(count.grouped) \(change.summary)")
        }
    }

    /// What is wrong and what to do, with the exit code of its kind.
    private static func complain(_ error: any Error) -> ExitCode {
        switch error {
        case let error as ImportMappingError:
            Terminal.complain("chatbridge import: the mapping is no good:")
            for problem in error.problems { Terminal.complain("  \(problem)") }
            return .dataError
        case is ImportSourceError, is Unreadable:
            Terminal.complain("chatbridge import: \(error)")
            return .dataError
        case let error as ImportFailure:
            Terminal.complain("chatbridge import: \(error)")
            switch error {
            case .database(let cause):
                if cause.isRefusedLogin || cause.code == .insufficientPrivilege { return .configuration }
                Terminal.complain("What has been written stays; the next run goes on behind it.")
                return cause.isRetryable ? .unavailable : .failure
            case .notMigrated: return .configuration
            case .busy, .rejectedFile: return .failure
            }
        case is JournalStoreError:
            Terminal.complain("chatbridge import: \(error)")
            return .unavailable
        default:
            Terminal.complain("chatbridge import: \(error)")
            return .failure
        }
    }

    private struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "re") else {
            throw Unreadable(description: "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        guard ferror(file) == 0 else { throw Unreadable(description: "cannot read \(path)") }
        return bytes
    }
}

extension PostgresError {
    /// Whether the server is there and does not want us: user, password or database are wrong.
    ///
    /// libpq has no code for it, so its words are read, as an English server and libpq itself say them.
    var isRefusedLogin: Bool {
        if code == .authenticationFailed || code == .invalidConfiguration { return true }
        guard code == .connectionFailed else { return false }
        let signs = [
            "authentication failed", "no password supplied", "no pg_hba.conf entry", "role \"", "database \"",
        ]
        return signs.contains { message.contains($0) }
    }
}
