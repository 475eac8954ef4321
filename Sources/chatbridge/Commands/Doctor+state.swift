import BridgeCore
import Glibc
import Inbox
import Journal
import Redis

/// What has piled up, and what the machine has room for.
extension Doctor {
    /// Clocks that differ by more spoil the order of messages and signatures that expire.
    private static let clockTolerance = Duration.seconds(2)
    /// Room that a disk should have besides what the spool may take.
    private static let spareBytes = 64 << 20

    // MARK: Queue

    /// The queue, its loggers, and what of both is given up.
    func examineQueue(_ stores: OperatorStores) async -> [Finding] {
        do {
            if let shared = stores.shared {
                var (depth, claimed, loggers, bridges) = (0, 0, 0, 0)
                var dead = (log: 0, deliveries: 0)
                for shard in shared.shards {
                    depth += try await shard.queue.depth()
                    let inWork = try await shard.queue.loggersInWork()
                    claimed += inWork.claimed
                    // Each serves all shards.
                    loggers = max(loggers, inWork.alive)
                    dead.log += try await shard.queue.deadCount()
                    dead.deliveries += try await shard.inbox.deadCount()
                    bridges = max(bridges, try await shard.inbox.bridges().count { $0.isAlive })
                }
                return [
                    Doctor.judge(depth: depth, claimed: claimed, loggers: loggers), Doctor.judge(dead: dead),
                    Doctor.judge(bridges: bridges),
                ]
            }
            guard let file = stores.file else { return [] }
            let counts = (try await file.deadCount(.jobs), try await file.deadCount(.deliveries))
            let depth = try await file.depth()
            let isInUse = await file.isInUse()
            return [
                Finding(
                    subject: "queue", state: .good,
                    detail: "\(file.name): \(depth) jobs wait\(isInUse ? "" : ", chatbridge run does not run")"),
                Doctor.judge(dead: counts),
            ]
        } catch let error as InboxFileError {
            return [
                Finding(
                    subject: "queue", state: .bad, detail: "\(error)",
                    remedy: "mend the file or its folder's mode, or set SPOOL_DIR to another folder")
            ]
        } catch {
            return [
                Finding(
                    subject: "queue", state: .bad, detail: "\(error)", remedy: "see what is said of redis",
                    isUnreachable: true)
            ]
        }
    }

    static func judge(depth: Int, claimed: Int, loggers: Int) -> Finding {
        let detail = "\(depth) jobs wait, \(claimed) in loggers' hands, \(loggers) loggers live"
        if loggers == 0, depth + claimed > 0 {
            return Finding(
                subject: "queue", state: .bad, detail: detail,
                remedy: "start chatbridge logger (chatbridge run has one); nothing is lost meanwhile")
        }
        if depth > 100_000 {
            return Finding(
                subject: "queue", state: .warning, detail: detail,
                remedy: "look into the loggers' own log: the database may be slow or away; start another logger")
        }
        return Finding(subject: "queue", state: .good, detail: detail)
    }

    static func judge(dead counts: (log: Int, deliveries: Int)) -> Finding {
        guard counts.log + counts.deliveries > 0 else {
            return Finding(subject: "dead letters", state: .good, detail: "none")
        }
        return Finding(
            subject: "dead letters", state: .warning,
            detail: "\(counts.log) of the log, \(counts.deliveries) of deliveries",
            remedy: "chatbridge dead list shows them with their errors, chatbridge dead retry tries them again")
    }

    private static func judge(bridges: Int) -> Finding {
        Finding(subject: "bridges", state: .good, detail: "\(bridges) live")
    }

    // MARK: Disk

    /// Whether the spool's folder can be written to, has room, and what waits in it.
    func examineDisk(_ stores: OperatorStores) async -> [Finding] {
        let folder = product.spoolDirectory
        // A doctor makes no folder: the nearest that is there tells.
        var place = folder
        while access(place, F_OK) != 0, let slash = place.lastIndex(of: "/"), slash > place.startIndex {
            place = String(place[..<slash])
        }
        if access(place, F_OK) != 0 { place = place.hasPrefix("/") ? "/" : "." }
        guard access(place, W_OK | X_OK) == 0 else {
            return [
                Finding(
                    subject: "disk", state: .bad,
                    detail: "\(folder) cannot be written to: \(String(cString: strerror(errno)))",
                    remedy: "give the folder of SPOOL_DIR to the user that chatbridge runs as, or set SPOOL_DIR")
            ]
        }
        var findings = [Doctor.judge(free: Doctor.freeBytes(of: place), folder: folder, spool: product.spoolMaxBytes)]
        do throws(SpoolError) {
            let contents = try await stores.spool.contents()
            findings.append(judge(contents))
        } catch {
            findings.append(
                Finding(
                    subject: "spool", state: .bad, detail: "\(error)",
                    remedy: "run this as the user that chatbridge runs as, and see to the folder's mode"))
        }
        return findings
    }

    private static func freeBytes(of path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    }

    static func judge(free: Int?, folder: String, spool: Int) -> Finding {
        guard let free else { return Finding(subject: "disk", state: .good, detail: "\(folder): free space unknown") }
        let detail = "\(free >> 20) MiB free for \(folder), which may take \(spool >> 20) MiB"
        guard free < spool + spareBytes else { return Finding(subject: "disk", state: .good, detail: detail) }
        return Finding(
            subject: "disk", state: free < spareBytes ? .bad : .warning, detail: detail,
            remedy: "free space on that disk, set SPOOL_DIR to another, or SPOOL_MAX_BYTES to less")
    }

    private func judge(_ contents: SpoolReader.Contents) -> Finding {
        guard contents.jobs > 0 else { return Finding(subject: "spool", state: .good, detail: "empty") }
        let isNearlyFull = contents.bytes > product.spoolMaxBytes / 10 * 9
        return Finding(
            subject: "spool", state: isNearlyFull ? .bad : .warning,
            detail: "\(contents.jobs) log jobs (\(contents.bytes >> 10) KiB) wait in \(product.spoolDirectory)",
            remedy: isNearlyFull
                ? "bring Redis back now: the oldest are dropped at SPOOL_MAX_BYTES"
                : "they go to the queue when Redis is back and a chatbridge runs on this folder")
    }

    // MARK: Clock

    /// Whether our clock agrees with those of Redis and the database.
    func examineClock(_ stores: OperatorStores) async -> Finding {
        var others: [(name: String, ahead: Duration)] = []
        if let client = stores.shared?.shards.first?.client {
            let before = Timestamp.now()
            let reply = try? await client.send(["TIME"])
            if let parts = reply?.array, parts.count == 2, let seconds = parts[0].integer, let rest = parts[1].integer {
                others.append(("Redis", Doctor.ahead(Int64(seconds) * 1_000_000 + Int64(rest), since: before)))
            }
        }
        if let reader = stores.journal as? PostgresReader {
            let before = Timestamp.now()
            if let time = try? await reader.serverTime() {
                others.append(("Postgres", Doctor.ahead(time.microseconds, since: before)))
            }
        }
        return Doctor.judge(clocks: others, now: .now())
    }

    /// How far another clock is ahead of ours, which was asked between then and now.
    private static func ahead(_ microseconds: Int64, since before: Timestamp) -> Duration {
        let now = Timestamp.now()
        if microseconds < before.microseconds { return .microseconds(microseconds - before.microseconds) }
        return .microseconds(max(0, microseconds - now.microseconds))
    }

    static func judge(clocks others: [(name: String, ahead: Duration)], now: Timestamp) -> Finding {
        let remedy = "set the time on both machines: systemd-timesyncd or chrony keeps it (timedatectl set-ntp true)"
        // This program is younger: 2025-01-01T00:00:00Z.
        guard now.seconds > 1_735_689_600 else {
            return Finding(subject: "clock", state: .bad, detail: "it is \(now) here", remedy: remedy)
        }
        let off = others.filter { $0.ahead > clockTolerance || $0.ahead < .zero - clockTolerance }
        guard !off.isEmpty else {
            let names = others.map(\.name).joined(separator: " and ")
            return Finding(
                subject: "clock", state: .good,
                detail: names.isEmpty ? "\(now), nobody to compare with" : "agrees with \(names)")
        }
        let words = off.map { other in
            let seconds = abs(Int(other.ahead / .seconds(1)))
            return "\(other.name) is \(seconds) s \(other.ahead < .zero ? "behind" : "ahead")"
        }
        return Finding(subject: "clock", state: .warning, detail: words.joined(separator: ", "), remedy: remedy)
    }
}
