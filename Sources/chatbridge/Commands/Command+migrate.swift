import BridgeCore
import EventLoop
import Journal
import Postgres

extension Command {
    /// `chatbridge migrate`: the schema of the Postgres database.
    static let migrate = Command(
        name: "migrate", summary: "shows, applies or takes back the migrations of the Postgres database",
        help: """
            Usage: chatbridge migrate [status | up | down N | partition | partitions] [--dir FOLDER] [--wait SECONDS] [--ahead N]

            Brings the tables of the database in DATABASE_URL up to date. Each migration runs in a transaction of its own; several
            runners at once do no harm. An embedded SQLite file needs none of this.

              status           shows where each migration stands (the default)
              up               applies what is pending
              down N           takes the last N back
              partition        cuts messages into months, once; loggers wait while it reads the table, users do not
              partitions       makes the partitions of the next months, which loggers do too, and lists all
              --ahead N        of so many months (3)
              --dir FOLDER     migrations of this folder instead of those in the binary
              --wait SECONDS   tries for so long to reach the database

            Example: DATABASE_URL=postgres://chat:secret@127.0.0.1/chat chatbridge migrate up --wait 30
            """
    ) { arguments in
        let directory = try arguments.value("--dir")
        let patience = try arguments.integer("--wait", in: 0...86_400) ?? 0
        let ahead = try arguments.integer("--ahead", in: 0...120) ?? 3
        let action = arguments.next() ?? "status"
        let count = action == "down" ? arguments.next().flatMap { Int($0) } : nil
        try arguments.end()
        guard ["status", "up", "down", "partition", "partitions"].contains(action) else {
            throw Arguments.UsageError(message: "\(action) is not status, up, down, partition or partitions")
        }
        if action == "down", (count ?? 0) < 1 {
            throw Arguments.UsageError(message: "down needs the number of migrations to take back, as in down 1")
        }
        let loaded = ConfigurationLoader.load(isWebDefault: false)
        guard loaded.problems.isEmpty else { return refuse(loaded.problems) }
        guard case .postgres(let url) = loaded.product.database else {
            return refuse([
                "DATABASE_URL: a postgres:// URL is expected; an SQLite file is brought up to date when it is opened"
            ])
        }
        let migrations = try directory.map { try Migrations.load(directory: $0) } ?? Migrations.embedded()
        let configuration = try PostgresConfiguration(url.value)
        let runner = MigrationRunner(migrations, on: configuration, retryingFor: .seconds(patience))
        let partitions = MessagePartitions(on: configuration)
        let loop = try EventLoop()
        do {
            return try loop.run {
                switch action {
                case "partition": try await cut(partitions, ahead: ahead)
                case "partitions": try await show(partitions, ahead: ahead)
                default: try await perform(action, count: count ?? 0, with: runner)
                }
            }
        } catch let error as MessagePartitions.Refusal {
            Terminal.complain("chatbridge migrate: messages cannot be cut into partitions: \(error)")
            return .failure
        } catch let error as PostgresError {
            Terminal.complain("chatbridge migrate: \(error)")
            return error.isRetryable || error.code == .authenticationFailed ? .unavailable : .failure
        } catch let error as MigrationError {
            Terminal.complain("chatbridge migrate: \(error)")
            if case .database = error { return .unavailable }
            return .failure
        }
    }

    private static func cut(_ partitions: MessagePartitions, ahead: Int) async throws -> ExitCode {
        Terminal.say("cutting messages into months: loggers wait meanwhile")
        guard let moved = try await partitions.convert() else {
            Terminal.say("nothing to do: messages has partitions")
            return .success
        }
        if moved > 0 { Terminal.say("\(moved) messages with ids of no month are in messages_default") }
        return try await show(partitions, ahead: ahead)
    }

    private static func show(_ partitions: MessagePartitions, ahead: Int) async throws -> ExitCode {
        guard try await partitions.isPartitioned() else {
            Terminal.say("messages has no partitions; chatbridge migrate partition makes them")
            return .success
        }
        for name in try await partitions.makeAhead(ahead) { Terminal.say("made \(name)") }
        for partition in try await partitions.list() { Terminal.say(partition.name) }
        return .success
    }

    private static func perform(_ action: String, count: Int, with runner: MigrationRunner) async throws -> ExitCode {
        switch action {
        case "up":
            let applied = try await runner.up()
            for migration in applied { Terminal.say("applied \(migration.fileName)") }
            Terminal.say(applied.isEmpty ? "nothing to do: the database is up to date" : "done")
        case "down":
            let reverted = try await runner.down(count)
            for migration in reverted { Terminal.say("took back \(migration.fileName)") }
            Terminal.say(reverted.isEmpty ? "nothing to do: no migration is applied" : "done")
        default:
            for status in try await runner.status() {
                let state =
                    switch status.state {
                    case .pending: Terminal.styled("pending", .warning)
                    case .applied(let at): Terminal.styled("applied", .good) + " \(at)"
                    case .changed: Terminal.styled("changed after it was applied", .bad)
                    case .missing: Terminal.styled("unknown to this version", .bad)
                    }
                let number = String(status.version)
                Terminal.say(
                    "\(String(repeating: "0", count: max(0, 4 - number.count)))\(number) \(status.name): \(state)")
            }
        }
        return .success
    }
}
