import BridgeCore
import EventLoop
import Retention

extension Command {
    /// `chatbridge prune`: deletes what is old.
    static let prune = Command(
        name: "prune", summary: "deletes messages older than an age, and sessions that are empty then",
        help: """
            Usage: chatbridge prune --older-than AGE [--dry-run]

            Deletes messages by their created_at, and then sessions that have none left and are closed or were silent for that long.
            Partitions of messages that are older as a whole are dropped, all else goes some hundred rows at a time, so that nobody
            waits. Safe to stop and to run again, and beside everything else; run it once a day. An SQLite file gets smaller too, when
            it was made by a version that has this command.

              --older-than AGE   as in 90d, 12w, 2y, 36h
              --dry-run          counts what would go and changes nothing

            Example: chatbridge prune --older-than 90d
            """
    ) { arguments in
        guard let age = try arguments.age("--older-than") else {
            throw Arguments.UsageError(message: "--older-than is needed, as in --older-than 90d")
        }
        let isDryRun = arguments.flag("--dry-run")
        try arguments.end()
        return try ArchiveAccess.run("prune") { loop, product in
            let access = try await ArchiveAccess(product, loop: loop)
            let isShown = Terminal.isTerminal(2)
            let pruner = Pruner(
                archive: access.archive, partitions: access.partitions, objects: access.objects
            ) { report in
                // One line that is written over, where somebody looks on.
                if isShown {
                    Terminal.complainInPlace("\(report.messages) messages, \(report.sessions) sessions")
                }
            }
            let now = Timestamp.now()
            let cutoff = now.advanced(by: .zero - age)
            let silence = min(cutoff, now.advanced(by: .zero - product.sessionTTL))
            let report =
                isDryRun
                ? try await pruner.count(before: cutoff, silentSince: silence)
                : try await pruner.prune(before: cutoff, silentSince: silence)
            await access.archive.close()
            if isShown, !isDryRun { Terminal.complainInPlace("") }
            for name in report.partitions {
                Terminal.say("\(isDryRun ? "would drop" : "dropped") the partition \(name)")
            }
            Terminal.say(
                "\(isDryRun ? "would delete" : "deleted") \(report.messages) messages and \(report.sessions) sessions from before \(cutoff)"
            )
            return .success
        }
    }
}
