import Agents
import BridgeCore
import Crypto
import HTTPCore
import SlackAdapter
import TelegramAdapter

/// What the workloads work on: one message in a private chat and its answer, all invented, of usual sizes.
enum Samples {
    static let now = Timestamp(seconds: 1_790_000_000)
    static let questionText =
        "#m00000042 Hi 👋, my order \"A-42\" hasn't arrived yet — could you check where it is?\nDanke schön! 🚀 It was due on Monday."
    static let answerText =
        "Re #m00000042: \"found it\" ✅\nIt left our warehouse on **Monday** and is with the carrier; you can follow it at https://track.example.com/A-42. If it has not come by Thursday, write to us again and we send another — tack så mycket!"

    // MARK: Webhooks

    static let telegram = TelegramAdapter(
        configuration: TelegramConfiguration(
            botToken: "5550001:AAinventedTokenOfABenchmark", webhookSecret: "a-Webhook_Secret_17",
            apiBase: "https://api.example.test"))

    static let telegramUpdate = Array(
        ##"{"update_id":700000042,"message":{"message_id":581,"from":{"id":7100000042,"is_bot":false,"first_name":"Zo\u00eb","last_name":"M\u00fcller","username":"zoe_42","language_code":"de"},"chat":{"id":7100000042,"first_name":"Zo\u00eb","last_name":"M\u00fcller","username":"zoe_42","type":"private"},"date":1789999990,"text":"#m00000042 Hi \ud83d\udc4b, my order \"A-42\" hasn't arrived yet \u2014 could you check where it is?\nDanke sch\u00f6n! \ud83d\ude80 It was due on Monday.","entities":[{"offset":0,"length":10,"type":"hashtag"}]}}"##
            .utf8)

    static let telegramWebhook = WebhookRequest(
        target: "/webhooks/telegram",
        headers: [
            "Host": "bot.example.com", "Content-Type": "application/json", "Connection": "keep-alive",
            "X-Telegram-Bot-Api-Secret-Token": "a-Webhook_Secret_17", "Content-Length": "\(telegramUpdate.count)",
        ], body: telegramUpdate)

    static let httpRequest =
        Array(
            "POST /webhooks/telegram HTTP/1.1\r\nHost: bot.example.com\r\nContent-Type: application/json\r\nX-Telegram-Bot-Api-Secret-Token: a-Webhook_Secret_17\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nContent-Length: \(telegramUpdate.count)\r\n\r\n"
                .utf8) + telegramUpdate

    static let slack = SlackAdapter(
        configuration: SlackConfiguration(
            botToken: "xoxb-1000-invented-token", signingSecret: "0badc0ffee0badc0ffee0badc0ffee00",
            apiBase: "https://slack.example.test/api"))

    static let slackWebhook: WebhookRequest = {
        let body = Array(
            #"{"token":"invented","team_id":"TAC","api_app_id":"AAP","event":{"client_msg_id":"0c6a2e8e-8d3f-4d0e-9d26-invented","type":"message","text":"Hi :wave:, my order \"A-42\" hasn't arrived yet \u2014 could you check where it is?\nDanke sch\u00f6n! It was due on <https:\/\/example.com|Monday> &amp; not later.","user":"UIDA","ts":"1789999990.000300","blocks":[{"type":"rich_text","block_id":"bL+2","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"Hi :wave:, my order hasn't arrived yet"}]}]}],"team":"TAC","channel":"DIDA","event_ts":"1789999990.000300","channel_type":"im"},"type":"event_callback","event_id":"EvA1","event_time":1789999990,"authorizations":[{"enterprise_id":null,"team_id":"TAC","user_id":"UBOT","is_bot":true,"is_enterprise_install":false}],"is_ext_shared_channel":false,"event_context":"4-invented"}"#
                .utf8)
        let timestamp = String(now.seconds)
        let code = HMACSHA256.authenticationCode(
            for: Array("v0:\(timestamp):".utf8) + body, key: Array("0badc0ffee0badc0ffee0badc0ffee00".utf8))
        return WebhookRequest(
            target: "/webhooks/slack",
            headers: [
                "Host": "bot.example.com", "Content-Type": "application/json", "X-Slack-Request-Timestamp": timestamp,
                "X-Slack-Signature": "v0=" + Hex.encode(code), "Content-Length": "\(body.count)",
            ], body: body)
    }()

    // MARK: The log

    static let session = LogMessage.Session(
        id: UUID(high: 0x0199_1234_5678_7000, low: 0x8000_0000_0000_0001), platform: "telegram",
        conversation: "7100000042", user: "7100000042")

    static let question = LogMessage(
        id: UUID(high: 0x0199_1234_5678_7001, low: 0x8000_0000_0000_0002), at: now, session: session,
        direction: .inbound, sender: "7100000042", text: questionText, status: .received,
        metadata: Array(#"{"event":"700000042","sender_name":"Zoë Müller","message":"581","language":"de"}"#.utf8))

    static let answer = LogMessage(
        id: UUID(high: 0x0199_1234_5678_7002, low: 0x8000_0000_0000_0003), at: now, session: session,
        direction: .outbound, text: answerText, request: "run_00000042", status: .sent,
        metadata: Array(#"{"message":"582","finish_reason":"stop","input_tokens":142,"output_tokens":58}"#.utf8))

    /// A hundred jobs as they lie in the queue: each with an id of its own, each second one an answer, ten conversations.
    static let queuedJobs: [[UInt8]] = (0..<100).map { number in
        var message = number % 2 == 0 ? question : answer
        message.id = UUID(high: message.id.high, low: message.id.low + UInt64(number) << 8)
        message.session.id = UUID(high: session.id.high, low: session.id.low + UInt64(number / 2 % 10) << 8)
        message.session.conversation = "71000000\(number / 2 % 10)"
        return LogJob.message(message).encoded()
    }

    static let listName = Array("chatbridge:log".utf8)
    static let job = LogJob.message(question).encoded()

    // MARK: The agent and its answer

    static let agent = MastraAgent(
        configuration: MastraConfiguration(endpoint: "http://agent.example.test:4111/api", agentID: "support"))

    static let place = InboundEvent.Place(conversation: ConversationID("7100000042"))

    static let turn = AgentTurn(
        id: question.id, platform: PlatformName("telegram"),
        event: InboundEvent(
            id: EventID("700000042"), kind: .text, disposition: .answer, place: place,
            sender: .init(id: PlatformUserID("7100000042"), name: "Zoë Müller", locale: "de"),
            messageID: PlatformMessageID("581"), text: questionText, sentAt: now),
        text: questionText, isStreaming: false)

    static let agentHead = OutboundResponse(
        status: .ok, headers: .init { $0 == "content-type" ? "application/json; charset=utf-8" : nil })

    static let agentAnswer = Array(
        #"{"text":"Re #m00000042: \"found it\" ✅\nIt left our warehouse on **Monday** and is with the carrier; you can follow it at https://track.example.com/A-42. If it has not come by Thursday, write to us again and we send another — tack så mycket!","usage":{"inputTokens":142,"outputTokens":58,"totalTokens":200,"reasoningTokens":0,"cachedInputTokens":96},"finishReason":"stop","steps":[],"toolCalls":[],"toolResults":[],"files":[],"sources":[],"warnings":[],"response":{"id":"msg_00000042","modelId":"bench-model-1","timestamp":"2026-01-01T00:00:00.000Z"},"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","runId":"run_00000042"}"#
            .utf8)

    static let send = OutboundAction(
        id: answer.id, kind: .send(text: answerText, format: .markdown), place: place,
        replyTo: PlatformMessageID("581"))
}
