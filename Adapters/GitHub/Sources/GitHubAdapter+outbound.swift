public import BridgeCore
internal import HTTPCore
internal import JSON

extension GitHubAdapter {
    /// A comment in GitHub's Markdown, which is the agent's; nil for anything else.
    public func encode(_ action: OutboundAction, at now: Timestamp) -> OutboundRequest? {
        guard case .send(let text, _) = action.kind else { return nil }
        if let discussion = action.replyContext["discussion"] { return comment(text, onDiscussion: discussion) }
        guard let path = path(to: action.place) else { return nil }
        var writer = JSONWriter(capacity: text.utf8.count + text.utf8.count / 8 + 64)
        writer.object { $0.field("body", text) }
        return OutboundRequest(url: "\(configuration.apiBase)/repos/\(path)", headers: headers, body: writer.bytes)
    }

    /// `owner/name#4` is an issue or pull request, `owner/name@sha` a commit.
    private func path(to place: InboundEvent.Place) -> String? {
        let name = place.conversation.rawValue
        if let mark = name.lastIndex(of: "#") {
            let (repository, number) = (name[..<mark].split(separator: "/"), name[name.index(after: mark)...])
            guard let thread = place.thread?.rawValue else {
                return path(repository + ["issues", number, "comments"])
            }
            return path(repository + ["pulls", number, "comments", thread[...], "replies"])
        }
        guard let mark = name.lastIndex(of: "@") else { return nil }
        return path(name[..<mark].split(separator: "/") + ["commits", name[name.index(after: mark)...], "comments"])
    }

    /// The names as a path; nil where one of them would lead elsewhere.
    private func path(_ names: [Substring]) -> String? {
        guard !names.contains(where: { $0 == "" || $0 == "." || $0 == ".." }) else { return nil }
        return names.map { HTTPPercentEncoding.encode(String($0)) }.joined(separator: "/")
    }

    /// Discussions are written to by GraphQL alone.
    private func comment(_ text: String, onDiscussion id: String) -> OutboundRequest {
        var writer = JSONWriter(capacity: text.utf8.count + text.utf8.count / 8 + 256)
        writer.object { root in
            root.field(
                "query",
                "mutation($id:ID!,$body:String!){addDiscussionComment(input:{discussionId:$id,body:$body}){comment{id}}}"
            )
            root.objectField("variables") { variables in
                variables.field("id", id)
                variables.field("body", text)
            }
        }
        return OutboundRequest(url: "\(configuration.apiBase)/graphql", headers: headers, body: writer.bytes)
    }

    var headers: HTTPFields {
        [
            "Authorization": "Bearer \(configuration.token.value)", "Content-Type": "application/json",
            // GitHub refuses requests without a User-Agent ("User agent required").
            "Accept": "application/vnd.github+json", "User-Agent": "chatbridge",
        ]
    }

    /// What GitHub's answer means: a status for REST, errors in a 200 for GraphQL.
    public func interpret(_ response: OutboundResponse, to action: OutboundAction) -> DeliveryResult {
        let status = response.status.code
        let body = (try? JSONView(parsing: response.body)) ?? .missing
        guard response.status.isSuccess else {
            return .failed(failure(status: status, message: body["message"].string ?? "", response))
        }
        if let error = body["errors"].elements.first(where: { _ in true }) {
            let kind: DeliveryFailure.Kind =
                switch error["type"].string {
                case "NOT_FOUND": .gone
                case "FORBIDDEN", "INSUFFICIENT_SCOPES": .unauthorized
                case "RATE_LIMITED": .rateLimited(after: nil)
                default: .refused
                }
            return .failed(
                DeliveryFailure(
                    kind, reason: "GraphQL: \(error["type"].string?.prefix(40) ?? "an error")", scope: .account))
        }
        let id = body["id"].identifier ?? body["data"]["addDiscussionComment"]["comment"]["id"].string
        guard let id else { return .failed(DeliveryFailure(.uncertain, reason: "HTTP \(status) without a comment")) }
        return .delivered(PlatformMessageID(id))
    }

    private func failure(status: Int, message: String, _ response: OutboundResponse) -> DeliveryFailure {
        let delay = response.headers["Retry-After"].flatMap { Int64($0) }.map {
            Duration.seconds(min(max($0, 0), 86_400))
        }
        let words = message.lowercased()
        let isLimit = delay != nil || response.headers["X-RateLimit-Remaining"] == "0" || words.contains("rate limit")
        let kind: DeliveryFailure.Kind =
            switch status {
            case 429: .rateLimited(after: delay)
            case 403 where isLimit: .rateLimited(after: delay)
            case 403 where words.contains("locked") || words.contains("blocked"): .blocked
            case 401, 403: .unauthorized
            case 404, 410: .gone
            case 408, 500...: .temporary
            default: .refused
            }
        // Both of GitHub's limits are those of the token ("Rate limits for the REST API").
        return DeliveryFailure(kind, reason: "HTTP \(status)", scope: .account)
    }
}
