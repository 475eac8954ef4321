internal import BridgeCore
internal import HTTPCore
internal import JSON

/// One session at Discord's Gateway, version 10, JSON ("Gateway"): identify, heartbeats, resume, reconnect.
///
/// A connection that answers no heartbeat is dropped, and the session is resumed where it was: Discord repeats what was
/// missed meanwhile. A session that Discord declares invalid is begun anew.
struct DiscordGatewaySession: GatewaySession {
    private enum Phase {
        /// Not connected.
        case idle
        /// Connected; Discord says how often it wants to hear from us.
        case awaitingHello
        /// Hello was answered by identify or resume.
        case starting
        /// Events come.
        case ready
    }

    private enum Opcode {
        static let dispatch: Int64 = 0
        static let heartbeat: Int64 = 1
        static let reconnect: Int64 = 7
        static let invalidSession: Int64 = 9
        static let hello: Int64 = 10
        static let heartbeatAcknowledged: Int64 = 11
    }

    /// What a session must remember to be resumed.
    private struct Resumption {
        var id: String
        var url: String
    }

    /// Hello comes at once; a server that says nothing for so long is none.
    private static let helloTimeout = Duration.seconds(20)
    /// Any code but 1000 and 1001 leaves the session alive to be resumed ("Gateway", disconnecting).
    private static let resumableCode: UInt16 = 4900
    /// Connections to a session's own address that may fail before it is begun anew at the common one.
    private static let maximumFailedResumes = 3

    private let configuration: DiscordConfiguration
    /// A number from 0 to 1, so that a thousand bots do not beat in step.
    private let jitter: @Sendable () -> Double

    private var phase = Phase.idle
    private var gatewayURL: String?
    private var resumption: Resumption?
    private var sequence: Int64?
    private var heartbeat = Duration.seconds(41)
    private var isAcknowledged = true
    private var isResuming = false
    private var failedResumes = 0
    private var pause: Duration?
    private var intents = DiscordIntents.all
    private var botID: String
    private var botRoles: [String: Set<String>] = [:]

    init(configuration: DiscordConfiguration, jitter: @escaping @Sendable () -> Double) {
        self.configuration = configuration
        self.jitter = jitter
        botID = configuration.applicationID
    }

    // MARK: Connecting

    mutating func address(at now: Timestamp) -> GatewayAddress {
        if failedResumes >= Self.maximumFailedResumes { forgetSession() }
        if let resumption { return connect(to: resumption.url) }
        return .ask(DiscordAdapter(configuration: configuration).gatewayQuery())
    }

    mutating func address(from response: OutboundResponse, at now: Timestamp) -> GatewayAddress {
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess, let url = Self.socketURL(reply["url"]) else {
            return .failed(Self.failure(response, reply))
        }
        let limit = reply["session_start_limit"]
        if limit["remaining"].int == 0, let wait = limit["reset_after"].int, wait > 0 {
            return .failed(
                DeliveryFailure(
                    .rateLimited(after: .milliseconds(min(wait, 86_400_000))),
                    reason: "Discord allows this bot no more sessions today"))
        }
        gatewayURL = url
        return connect(to: url)
    }

    /// The address of a WebSocket; nil when it is none.
    private static func socketURL(_ value: JSONView) -> String? {
        guard let url = value.string, url.hasPrefix("wss://") || url.hasPrefix("ws://") else { return nil }
        return url
    }

    private func connect(to url: String) -> GatewayAddress {
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        return .connect(url: "\(base)/?v=10&encoding=json", headers: [])
    }

    private static func failure(_ response: OutboundResponse, _ reply: JSONView) -> DeliveryFailure {
        switch response.status.code {
        case 401:
            return DeliveryFailure(
                .unauthorized,
                reason: "Discord refuses the bot's token: copy it again to DISCORD_BOT_TOKEN (Bot, Reset Token)")
        case 429:
            return DiscordAdapter.rateLimited(response, reply)
        case 200..<300, 408, 500...:
            return DeliveryFailure(.temporary, reason: "HTTP \(response.status.code) instead of the Gateway's address")
        default:
            return DeliveryFailure(.temporary, reason: "HTTP \(response.status.code): no address of the Gateway")
        }
    }

    mutating func opened(at now: Timestamp) -> [GatewayCommand] {
        phase = .awaitingHello
        isAcknowledged = true
        return [.wake(after: Self.helloTimeout)]
    }

    // MARK: Messages

    mutating func received(_ message: [UInt8], at now: Timestamp) -> [GatewayCommand] {
        guard let frame = try? JSONView(parsing: message), let opcode = frame["op"].int else {
            return [.note("the Gateway sent something that is no message of its protocol")]
        }
        switch opcode {
        case Opcode.dispatch: return dispatch(frame)
        case Opcode.hello: return hello(frame["d"])
        case Opcode.heartbeat: return [.send(heartbeatMessage)]
        case Opcode.heartbeatAcknowledged:
            isAcknowledged = true
            return []
        case Opcode.reconnect: return [.disconnect(code: Self.resumableCode)]
        case Opcode.invalidSession: return invalidSession(canResume: frame["d"].bool == true)
        default: return []
        }
    }

    private mutating func hello(_ data: JSONView) -> [GatewayCommand] {
        guard phase == .awaitingHello else { return [] }
        // Discord says some 41 seconds; the bounds keep nonsense from becoming a storm or silence.
        let interval = min(max(data["heartbeat_interval"].int ?? 41_250, 1000), 300_000)
        heartbeat = .milliseconds(interval)
        isAcknowledged = true
        phase = .starting
        isResuming = resumption != nil
        let first = heartbeat * min(max(jitter(), 0), 1)
        return [.send(isResuming ? resumeMessage : identifyMessage), .wake(after: first)]
    }

    private mutating func dispatch(_ frame: JSONView) -> [GatewayCommand] {
        if let number = frame["s"].int { sequence = number }
        let data = frame["d"]
        let name = frame["t"].identifier ?? ""
        switch name {
        case "READY":
            phase = .ready
            failedResumes = 0
            if let id = data["session_id"].identifier,
                let url = Self.socketURL(data["resume_gateway_url"]) ?? gatewayURL
            {
                resumption = Resumption(id: id, url: url)
            }
            if let id = data["user"]["id"].identifier { botID = id }
            let name = DiscordUser.name(data["user"]) ?? botID
            let missing =
                intents.contains(.guildMembers)
                ? "" : "; without joins and leaves, since the Server Members intent is off"
            return [.note("connected to Discord's Gateway as \(name)\(missing)")]
        case "RESUMED":
            phase = .ready
            failedResumes = 0
            return [.note("Discord's Gateway goes on where it was")]
        case "GUILD_CREATE":
            learnRoles(of: data)
            return []
        default:
            let session = resumption?.id ?? "gateway"
            let number = sequence ?? 0
            let reader = DiscordDispatch(
                botID: botID, botRoles: data["guild_id"].identifier.flatMap { botRoles[$0] } ?? [],
                fallbackID: { "\(session):\(number)" })
            let events = reader.events(name, data)
            return events.isEmpty ? [] : [.deliver(events, acknowledgement: nil)]
        }
    }

    /// The role that Discord made for the bot in a server: whoever picks the bot's name from the list may mention that.
    private mutating func learnRoles(of guild: JSONView) {
        guard let id = guild["id"].identifier else { return }
        let roles = guild["roles"].elements.filter { $0["tags"]["bot_id"].string == botID }
        let own = Set(roles.compactMap { $0["id"].identifier })
        if !own.isEmpty { botRoles[id] = own }
    }

    private mutating func invalidSession(canResume: Bool) -> [GatewayCommand] {
        if !canResume { forgetSession() }
        // "Wait between 1 and 5 seconds, then send a fresh identify" (Gateway, resuming).
        pause = .milliseconds(1000 + Int64(4000 * min(max(jitter(), 0), 1)))
        return [.disconnect(code: Self.resumableCode)]
    }

    mutating func timerFired(at now: Timestamp) -> [GatewayCommand] {
        switch phase {
        case .idle:
            return []
        case .awaitingHello:
            return [.note("the Gateway says nothing"), .disconnect(code: Self.resumableCode)]
        case .starting, .ready:
            guard isAcknowledged else {
                return [
                    .note("the Gateway answered no heartbeat: the connection is dead"),
                    .disconnect(code: Self.resumableCode),
                ]
            }
            isAcknowledged = false
            return [.send(heartbeatMessage), .wake(after: heartbeat)]
        }
    }

    // MARK: The end of a connection

    mutating func closed(_ closure: GatewayClosure, at now: Timestamp) -> GatewayRecovery {
        let wasStarted = phase == .ready
        phase = .idle
        if resumption != nil, !wasStarted { failedResumes += 1 }
        let pause = self.pause
        self.pause = nil
        switch closure.code {
        case 4004:
            return .stop(
                reason: "Discord refuses the bot's token (4004): copy it again to DISCORD_BOT_TOKEN (Bot, Reset Token)")
        case 4010: return .stop(reason: "Discord refuses the shard (4010): report this to the makers of the bridge")
        case 4011:
            return .stop(
                reason: "the bot is in too many servers for one connection (4011): Discord asks for shards beyond 2,500"
            )
        case 4012: return .stop(reason: "Discord has ended version 10 of its Gateway (4012): a newer bridge is needed")
        case 4013: return .stop(reason: "Discord does not know the intents (4013): a newer bridge is needed")
        case 4014: return withFewerIntents()
        case 4003, 4007, 4009:  // not authenticated, invalid sequence, session timed out
            forgetSession()
        case 1000, 1001:
            // The server may close so for an update; only our own such close ends the session.
            break
        default: break
        }
        // A session that was alive is resumed at once: Discord repeats what it misses meanwhile.
        return .reconnect(after: pause ?? (wasStarted && resumption != nil ? .zero : nil))
    }

    /// The application may not have all the intents: without joins the bridge still works, without messages it does not.
    private mutating func withFewerIntents() -> GatewayRecovery {
        forgetSession()
        guard intents.contains(.guildMembers) else {
            return .stop(
                reason: "Discord refuses the Message Content intent (4014): switch on Message Content Intent in the"
                    + " Developer Portal under Bot, Privileged Gateway Intents; or set DISCORD_GATEWAY=false")
        }
        intents.remove(.guildMembers)
        return .reconnect(after: .seconds(1))
    }

    private mutating func forgetSession() {
        resumption = nil
        sequence = nil
        failedResumes = 0
    }

    // MARK: What we send

    private var heartbeatMessage: [UInt8] {
        Self.message(Opcode.heartbeat) { json in
            if let sequence { json.field("d", sequence) } else { json.nullField("d") }
        }
    }

    private var identifyMessage: [UInt8] {
        Self.message(2) { json in
            json.objectField("d") { data in
                data.field("token", configuration.botToken.value)
                data.field("intents", intents.rawValue)
                data.objectField("properties") { properties in
                    properties.field("os", "linux")
                    properties.field("browser", "chatbridge")
                    properties.field("device", "chatbridge")
                }
                data.field("compress", false)
                // Servers with more members than that do not send the absent ones along; nobody needs them here.
                data.field("large_threshold", 50)
            }
        }
    }

    private var resumeMessage: [UInt8] {
        Self.message(6) { json in
            json.objectField("d") { data in
                data.field("token", configuration.botToken.value)
                data.field("session_id", resumption?.id)
                if let sequence { data.field("seq", sequence) } else { data.nullField("seq") }
            }
        }
    }

    private static func message(_ opcode: Int64, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(capacity: 256)
        writer.object { json in
            json.field("op", opcode)
            write(&json)
        }
        return writer.bytes
    }
}
