import EventLoop
import Glibc
import Retention

extension Command {
    /// `chatbridge forget`: erases one person.
    static let forget = Command(
        name: "forget", summary: "erases one person: database, queue, dead letters, spool, object storage",
        help: """
            Usage: chatbridge forget PLATFORM USER [--dry-run] [--yes] [--json] [--wait SECONDS] [--remember AGE]

            Erases everything of one person, by the platform's id of the user (sender_id), also while everything runs: their sessions
            with all answers, what they said in groups and the answers to that, their id and name in what others sent, their jobs
            and dead letters in Redis or SPOOL_DIR, their files in object storage. It prints a receipt that names nobody. Loggers
            drop what still comes of them late; what they write afterwards is new and is kept. Run it on each machine that has a
            SPOOL_DIR of its own. Not reached: backups, the agent's own memory, the platform.

              --dry-run         counts what is there and changes nothing
              --yes             does not ask
              --json            the receipt as one JSON object
              --wait SECONDS    how long to wait for what is being answered or written just now (30)
              --remember AGE    for how long late jobs are dropped (30d)

            Exit code: 0 nothing is left, 1 something is still in work: run it again, 69 a service cannot be reached.

            Example: chatbridge forget telegram 123456789 --dry-run
            """
    ) { arguments in
        let isDryRun = arguments.flag("--dry-run")
        let isSure = arguments.flag("--yes", "-y")
        let isJSON = arguments.flag("--json")
        let wait = try arguments.integer("--wait", in: 0...3600) ?? 30
        let memory = try arguments.age("--remember") ?? .seconds(30 * 86_400)
        let person = try arguments.person()
        try arguments.end()
        if !isDryRun, !isSure {
            guard Terminal.isTerminal(0) else {
                throw Arguments.UsageError(message: "--yes is needed where nobody can be asked, or --dry-run")
            }
            Terminal.complain(
                "This erases everything of user \(person.user) on \(person.platform), for good. Type yes to go on:")
            guard readLine() == "yes" else {
                Terminal.complain("nothing was changed")
                return .failure
            }
        }
        return try ArchiveAccess.run("forget") { loop, product in
            let access = try await ArchiveAccess(product, loop: loop)
            var options = Eraser.Options()
            options.isDryRun = isDryRun
            options.patience = .seconds(wait)
            options.memory = memory
            let eraser = Eraser(
                archive: access.archive, places: try access.places(for: person), objects: access.objects,
                options: options,
                pause: { try? await loop.sleep(for: .milliseconds(500)) },
                progress: { step in
                    if Terminal.isTerminal(2) { Terminal.complain("… \(step)") }
                })
            let receipt = try await eraser.erase(person)
            if receipt.isEmpty {
                // A name that is spelled wrong must not look like an erasure.
                let platforms = try await access.platforms()
                Terminal.complain(
                    "there is nothing of this user; platforms in the database: \(platforms.joined(separator: ", "))")
            }
            await access.archive.close()
            if isJSON {
                Terminal.say(String(decoding: receipt.json, as: UTF8.self))
            } else {
                for line in receipt.lines { Terminal.say(line) }
            }
            return receipt.isComplete || isDryRun ? .success : .failure
        }
    }
}

extension Arguments {
    /// Takes the platform and the user.
    mutating func person() throws(UsageError) -> Person {
        guard let platform = next(), let user = nextUser(), !user.isEmpty else {
            throw UsageError(message: "a platform and the platform's id of a user are needed")
        }
        return Person(platform: platform, user: user)
    }

    /// Takes an option whose value is an age.
    mutating func age(_ name: String) throws(UsageError) -> Duration? {
        guard let text = try value(name) else { return nil }
        guard let age = Age(text) else {
            throw UsageError(message: "\(name) \(text): an age is expected, as in 90d, 12w, 2y or 36h")
        }
        return age.duration
    }
}
