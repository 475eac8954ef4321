public import BridgeCore
internal import HTTPCore
internal import JSON

extension DiscordAdapter {
    /// What the API's answer means: a message, nothing (204), or an error's code and words ("Opcodes and status codes").
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let status = response.status.code
        let reply = (try? JSONView(parsing: response.body)) ?? .missing
        if response.status.isSuccess { return delivered(response, reply, action) }
        let isByToken = action.means == .reply && DiscordReplyToken(action.replyContext) != nil
        let code = reply["code"].int ?? 0
        if case .acknowledgeButton = action.kind, code == 40_060 {  // acknowledged already: the first try came through
            return .delivered(nil)
        }
        if status == 429 { return .failed(Self.rateLimited(response, reply)) }
        let reason = Self.reason(code: code, status: status, message: reply["message"].string)
        return .failed(
            DeliveryFailure(kind(of: code, status: status, isByToken: isByToken, action), reason: reason))
    }

    private func delivered(_ response: OutboundResponse, _ reply: JSONView, _ action: OutboundAction) -> DeliveryResult
    {
        if let id = reply["id"].identifier { return .delivered(PlatformMessageID(id)) }
        switch action.kind {
        case .edit(let message, _, _) where reply.kind == .object || response.status.code == 204:
            return .delivered(message)
        case .typing, .acknowledgeButton:
            return .delivered(nil)
        case _ where reply.kind == .object:
            return .delivered(nil)
        default:
            return .failed(
                DeliveryFailure(
                    .uncertain, reason: "HTTP \(response.status.code) without an answer of Discord's API"))
        }
    }

    /// 429 tells its delay twice, as a decimal fraction in the body and in whole seconds in the header; the longer one holds.
    static func rateLimited(_ response: OutboundResponse, _ reply: JSONView) -> DeliveryFailure {
        let delays = [reply["retry_after"].double, response.headers["Retry-After"].flatMap { Double($0) }]
        // Capped at a day only so that nonsense cannot overflow.
        let delay = delays.compactMap { $0 }.filter(\.isFinite).max().map { min(max($0, 0), 86_400) }
        // The whole bot's budget, and not that of a route or of what several bots share ("Rate limits", header format).
        let isGlobal =
            reply["global"].bool == true || response.headers["X-RateLimit-Global"]?.lowercased() == "true"
            || response.headers["X-RateLimit-Scope"]?.lowercased() == "global"
        return DeliveryFailure(
            .rateLimited(after: delay.map { .milliseconds(Int64(($0 * 1000).rounded(.up))) }),
            reason: isGlobal ? "rate limited, the whole bot" : "rate limited",
            scope: isGlobal ? .account : .conversation)
    }

    private func kind(
        of code: Int64, status: Int, isByToken: Bool, _ action: OutboundAction
    ) -> DeliveryFailure.Kind {
        if status >= 500 || status == 408 { return .temporary }
        switch code {
        // Unknown webhook, unknown interaction, invalid webhook token; five follow-ups, which are all that an application may
        // send that only the user has installed.
        case 10_015, 10_062, 50_027, 40_094:
            // Through the Gateway the answer may overtake the request that makes the token good.
            if isByToken, code == 10_015, DiscordReplyToken(action.replyContext)?.isFromGateway == true,
                action.part == 0
            {
                return .temporary
            }
            return isByToken ? .replyRefused : .gone
        case 10_003, 10_008, 10_004:  // unknown channel, message, guild
            return .gone
        case 50_007, 50_001, 50_278, 340_013:  // cannot send to this user, missing access
            return .blocked
        case 50_013:  // missing permissions
            return .blocked
        case 50_083, 160_005:  // the thread is archived, locked
            return .gone
        case 40_001, 50_014: return .unauthorized
        case 40_004, 130_000: return .temporary  // sends are switched off for now, overloaded
        default: break
        }
        switch status {
        case 401: return isByToken ? .replyRefused : .unauthorized
        case 403: return isByToken ? .replyRefused : .blocked
        case 404, 410: return isByToken ? .replyRefused : .gone
        default: return .refused
        }
    }

    /// Discord's words for an error; they hold neither text nor token.
    private static func reason(code: Int64, status: Int, message: String?) -> String {
        guard let message else { return "HTTP \(status) without an answer of Discord's API" }
        return code == 0 ? String(message.prefix(200)) : "\(message.prefix(200)) (\(code))"
    }
}
