import Redis

@testable import Inbox

/// The scripts of RedisInbox, called as the model calls its own, and what they leave in Redis.
struct RealInbox: Sendable {
    let client: RedisClient
    let prefix: String

    private var inbox: String { "\(prefix):inbox:" }
    private var log: String { "\(prefix):log" }
    private func id(_ event: UInt8) -> String { "00000000-0000-7000-8000-00000000000\(event)" }

    func execute(_ command: InboxRedis.Command, conversations: [UInt8]) async throws {
        func run(_ script: RedisScript, _ arguments: [String], keys: [String] = []) async throws {
            var call = RedisScriptCall(script, keys: keys)
            for argument in [inbox, "b\(command.sender)", "\(command.session)"] + arguments { call.append(argument) }
            _ = try await client.run(call)
        }
        let lease = "600000"
        switch command {
        case .join: try await run(RedisInbox.join, [lease])
        case .claim(let event, _, _):
            let lane = "c\(conversations[Int(event)])"
            try await run(
                RedisInbox.claim,
                ["1000", "p", id(event), "a", lane, "payload", "1", "e\(event)", "1", "in \(event)"], keys: [log])
        case .begin(let event, _, _): try await run(RedisInbox.begin, ["", "progress", id(event)])
        case .settle(let event, _, _):
            let lane = "c\(conversations[Int(event)])"
            try await run(
                RedisInbox.settle, ["1000", "1", "0", "1", "", id(event), lane, "out \(event)"],
                keys: [log, inbox + "dead"])
        case .beat: try await run(RedisInbox.beat, [lease, "1"])
        case .audit: try await run(RedisInbox.audit, [])
        case .takeOver(let other, _, _):
            try await run(RedisInbox.takeOver, ["b\(other)", lease, "1000", "500", "1"])
        case .retire: try await run(RedisInbox.retire, ["1000"])
        case .mark: break
        }
    }

    func lapse(_ bridge: UInt8) async throws { _ = try await client.send(["DEL", "\(inbox)lease:b\(bridge)"]) }

    func clear() async throws {
        let keys = try await client.send(["KEYS", "\(prefix):*"]).array ?? []
        for key in keys.compactMap(\.text) { _ = try await client.send(["DEL", key]) }
    }

    /// What is in Redis, a line for each fact.
    func lines() async throws -> [String] {
        var lines: [String] = []
        var held: [(number: Int, line: String)] = []
        let bridges = try await client.send(["HKEYS", inbox + "bridges"]).array?.compactMap(\.text) ?? []
        for bridge in 0..<4 {
            let lease = try await client.send(["GET", "\(inbox)lease:b\(bridge)"]).text ?? "0"
            let isGone = try await client.send(["EXISTS", "\(inbox)gone:b\(bridge)"]).integer == 1
            let mail = try await client.send(["LRANGE", "\(inbox)mail:b\(bridge)", "0", "-1"]).array ?? []
            let events = mail.compactMap(\.text).compactMap(\.last).map(String.init).joined(separator: ",")
            lines.append(
                "b\(bridge) lease \(lease) gone \(isGone) known \(bridges.contains("b\(bridge)")) mail \(events)")
            let begun = try await client.send(["HKEYS", "\(inbox)begun:b\(bridge)"]).array?.compactMap(\.text) ?? []
            let entries = try await client.send(["HGETALL", "\(inbox)held:b\(bridge)"]).array?.compactMap(\.text) ?? []
            for index in stride(from: 0, to: entries.count, by: 2) {
                let number = Int(entries[index + 1].dropFirst().prefix { $0 != " " }) ?? 0
                let isBegun = begun.contains(entries[index])
                held.append((number, "held \(entries[index].suffix(1)) by b\(bridge) begun \(isBegun)"))
            }
        }
        lines += held.sorted { $0.number < $1.number }.map(\.line)
        for lane in 0..<2 {
            lines.append(
                "lane \(lane): " + (try await client.send(["HGET", inbox + "lanes", "c\(lane)"]).text ?? "free"))
        }
        let jobs = try await client.send(["LRANGE", log, "0", "-1"]).array?.compactMap(\.text) ?? []
        for event in 0..<6 {
            let isSeen = try await client.send(["EXISTS", "\(inbox)seen:e\(event)"]).integer == 1
            let count = jobs.count { $0 == "in \(event)" }
            lines.append("event \(event) seen \(isSeen) in \(count) out \(jobs.contains("out \(event)"))")
        }
        return lines
    }

    /// The same of the model.
    static func lines(of model: InboxRedis) -> [String] {
        var lines: [String] = []
        for bridge in UInt8(0)..<4 {
            let mail = model.mail[Int(bridge)].map(String.init).joined(separator: ",")
            lines.append(
                "b\(bridge) lease \(model.leases[Int(bridge)]) gone \(model.gone.has(bridge)) known "
                    + "\(model.bridges.has(bridge)) mail \(mail)")
        }
        lines += model.held.map { "held \($0.event) by b\($0.owner) begun \($0.isBegun)" }
        for (number, lane) in model.lanes.enumerated() {
            lines.append("lane \(number): " + (lane.map { "\($0.count) b\($0.owner)" } ?? "free"))
        }
        for event in UInt8(0)..<6 {
            let count = model.inbound[Int(event)]
            lines.append("event \(event) seen \(model.seen.has(event)) in \(count) out \(model.outbound.has(event))")
        }
        return lines
    }
}
