internal import BridgeCore
internal import HTTPCore

/// The Open Platform's error codes
/// (<https://open.feishu.cn/document/server-docs/getting-started/server-error-codes>, and "Error codes" of "Send message").
enum FeishuFailure {
    /// What a code says; the words beside it may repeat what was sent, so the code alone is kept.
    static func failure(code: Int64, response: OutboundResponse, isMarkdown: Bool) -> DeliveryFailure {
        DeliveryFailure(
            kind(of: code, response: response, isMarkdown: isMarkdown),
            reason: "code \(code), HTTP \(response.status.code)",
            // That of the app; the others are those of a chat or of a message.
            scope: code == 99_991_400 ? .account : .conversation)
    }

    /// The failure of an answer that is not the Open Platform's: a proxy's page, half a body.
    static func foreign(_ response: OutboundResponse) -> DeliveryFailure {
        let status = response.status.code
        let kind: DeliveryFailure.Kind =
            switch status {
            case 200..<300: .uncertain
            case 401: .unauthorized
            case 403: .blocked
            case 404, 410: .gone
            case 429: .rateLimited(after: delay(response))
            case 408, 500...: .temporary
            default: .refused
            }
        return DeliveryFailure(kind, reason: "HTTP \(status) without an answer of the Open Platform")
    }

    private static func kind(of code: Int64, response: OutboundResponse, isMarkdown: Bool) -> DeliveryFailure.Kind {
        switch code {
        // Too many requests: of the app, to the chat, of messages.
        case 99_991_400, 11_232, 11_233, 11_247, 230_020: return .rateLimited(after: delay(response))
        // The token is missing, wrong or over; the app lacks a right, is off, or calls from a wrong address.
        case 99_991_661, 99_991_663, 99_991_664, 99_991_665, 99_991_668, 99_991_671, 99_991_672, 99_991_679, 99_991_401,
            10_003, 10_014, 230_006, 230_027:
            return .unauthorized
        // The bot is not in the group, may not write there, or the person does not want it.
        case 230_002, 230_013, 230_018, 230_029, 230_035, 230_053: return .blocked
        // The chat or the message is no more.
        case 230_011, 230_034, 230_038, 230_110, 232_006, 232_009, 232_011: return .gone
        case 230_001, 230_099: return isMarkdown ? .formattingRefused : .refused
        case 230_049: return .temporary
        default: break
        }
        switch response.status.code {
        case 429: return .rateLimited(after: delay(response))
        case 401: return .unauthorized
        case 408, 500...: return .temporary
        default: return .refused
        }
    }

    /// Seconds until more is taken: `x-ogw-ratelimit-reset`.
    private static func delay(_ response: OutboundResponse) -> Duration? {
        let text = response.headers["x-ogw-ratelimit-reset"] ?? response.headers["Retry-After"]
        return text.flatMap { Int64($0) }.map { .seconds(min(max($0, 0), 86_400)) }
    }
}
