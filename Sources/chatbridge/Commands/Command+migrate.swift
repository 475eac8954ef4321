import BridgeCore
import EventLoop
import Journal
import Postgres

extension Command {
    /// `chatbridge migrate`: the schema of the Postgres database.
    static let migrate = Command(
        name: "migrate", summary: "shows, applies or takes back the migrations of the Postgres database",
        help: """
            Usage: chatbridge migrate [status | up | down N] [--dir FOLDER] [--wait SECONDS]

            Brings the tables of the database in DATABASE_URL up to date. Each migration runs in a transaction of its own; several
            runners at once do no harm. An embedded SQLite file needs none of this.

              status           shows where each migration stands (the default)
              up               applies what is pending
              down N           takes the last N back
              --dir FOLDER     migrations of this folder instead of those in the binary
              --wait SECONDS   tries for so long to reach the database

            Example: DATABASE_URL=postgres://chat:secret@127.0.0.1/chat chatbridge migrate up --wait 30
            """
    ) { arguments in
        let directory = try arguments.value("--dir")
        let patience = try arguments.integer("--wait", in: 0...86_400) ?? 0
        let action = arguments.next() ?? "status"
        let count = action == "down" ? arguments.next().flatMap { Int($0) } : nil
        try arguments.end()
        guard ["status", "up", "down"].contains(action) else {
            throw Arguments.UsageError(message: "\(action) is not status, up or down")
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
        let runner = MigrationRunner(
            migrations, on: try PostgresConfiguration(url.value), retryingFor: .seconds(patience))
        let loop = try EventLoop()
        do {
            return try loop.run { try await perform(action, count: count ?? 0, with: runner) }
        } catch let error as MigrationError {
            Terminal.complain("chatbridge migrate: \(error)")
            if case .database = error { return .unavailable }
            return .failure
        }
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
