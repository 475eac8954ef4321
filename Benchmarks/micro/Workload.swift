import Agents
import BridgeCore
import HTTPCore
import HTTPServer
import Journal
import Postgres
import Redis
import SlackAdapter
import TelegramAdapter

/// What is counted: each is the same work at every call, on the same bytes.
enum Workload: String, CaseIterable {
    /// A webhook of Telegram's: the secret is compared, the update read and made into an event.
    case telegramReceive = "telegram-receive"
    /// A webhook of Slack's: the signature is verified, the event read.
    case slackReceive = "slack-receive"
    /// The log jobs of a message and of its answer.
    case logJobs = "log-jobs"
    /// The request that brings a webhook.
    case httpRequest = "http-request"
    /// What a logger does with a hundred jobs between Redis and Postgres; counted is one job.
    case loggerBatch = "logger-batch"
    /// The question to a Mastra agent and its answer.
    case agentTurn = "agent-turn"
    /// The answer as a request to Telegram: does it fit, is there anything to format, and its JSON.
    case telegramSend = "telegram-send"
    /// The push of two log jobs as Redis reads it.
    case redisPush = "redis-push"

    /// The work; it returns something that depends on all of it.
    func operation() throws -> () throws -> Int {
        switch self {
        case .telegramReceive:
            return {
                try Samples.telegram.receive(Samples.telegramWebhook, at: Samples.now).events[0].text?.utf8.count ?? 0
            }
        case .slackReceive:
            return { try Samples.slack.receive(Samples.slackWebhook, at: Samples.now).events[0].text?.utf8.count ?? 0 }
        case .logJobs:
            return { LogJob.message(Samples.question).encoded().count + LogJob.message(Samples.answer).encoded().count }
        case .httpRequest:
            var parser = HTTPRequestParser(limits: HTTPLimits())
            let bytes = Samples.httpRequest
            return {
                var offset = 0
                let request = try parser.parse(bytes.span, from: &offset)
                return (request?.body.count ?? 0) + (request?.headers.fields.count ?? 0)
            }
        case .loggerBatch:
            let queued = Samples.queuedJobs
            var next = 0
            return {
                next += 1
                guard next == queued.count else { return 0 }
                next = 0
                return try PostgresStore.statements(for: queued).reduce(0) { $0 + $1.parameters.count }
            }
        case .agentTurn:
            return {
                guard case .request(let request, var decoder) = Samples.agent.ask(Samples.turn) else { return 0 }
                decoder.begin(Samples.agentHead)
                let events = decoder.decode(Samples.agentAnswer) + decoder.end()
                return request.body.count + events.count
            }
        case .telegramSend:
            let splitter = TextSplitter(Samples.telegram.capabilities)
            return {
                let parts = splitter.split(Samples.answerText, format: .markdown)
                var action = Samples.send
                action.kind = .send(text: parts[0], format: .markdown)
                return Samples.telegram.encode(action, at: Samples.now)?.body.count ?? 0
            }
        case .redisPush:
            return { RedisCommand("LPUSH", arguments: [Samples.listName, Samples.job, Samples.job]).wire.count }
        }
    }
}
