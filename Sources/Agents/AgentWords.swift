import BridgeCore
import HTTPCore
import JSON

/// Finds an agent's own words for a failure, and makes them fit for a log.
struct AgentWords: Sendable {
    /// The most characters of an agent's words that are kept.
    static let limit = 200

    /// What must not appear even when the agent repeats it: keys and the values of extra header fields.
    private let secrets: [String]

    /// Words that never hold these secrets; what is shorter than 8 characters would hide ordinary words and is no secret.
    init(hiding secrets: [String]) {
        self.secrets = secrets.filter { $0.utf8.count >= 8 }
    }

    /// The words in one line, without secrets, at most ``limit`` characters.
    func clean(_ words: String) -> String {
        var words = String(words.prefix(16 * AgentWords.limit))
        for secret in secrets { words = words.replacing(secret, with: "[redacted]") }
        let line = words.split {
            $0.isWhitespace || $0.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control }
        }
        .joined(separator: " ")
        return line.count > AgentWords.limit ? line.prefix(AgentWords.limit - 1) + "…" : line
    }

    /// What an error says, in any of the shapes that servers use: a text, or an object with its text under `message`,
    /// `error`, `detail` or `reason`.
    static func find(in error: JSONView, depth: Int = 0) -> String? {
        if let text = error.string { return text.isEmpty ? nil : text }
        guard error.kind == .object, depth < 4 else { return nil }
        for name in ["message", "error", "detail", "reason", "error_description"] {
            if let text = find(in: error[name], depth: depth + 1) { return text }
        }
        return nil
    }

    /// What a response with a status other than 2xx means.
    func failure(status: HTTPStatus, body: JSONBodyCollector) -> AgentFailure {
        let kind: AgentFailure.Kind = status.code == 401 || status.code == 403 ? .unauthorized : .error
        var message = "HTTP \(status.code)"
        if let words = body.json.flatMap({ AgentWords.find(in: $0) }) {
            message += ": \(clean(words))"
        } else if (300..<400).contains(status.code) {
            message += ": redirects are not followed, set the address that it leads to"
        } else if !status.reason.isEmpty {
            message += " \(status.reason)"
        }
        return AgentFailure(kind, message)
    }
}
