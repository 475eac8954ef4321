public import BridgeCore
internal import HTTPCore

extension DiscordAdapter: MediaFetching {
    /// The file's own address at Discord's content network, which wants no token.
    public func fetchMedia(_ attachment: Attachment, after responses: [OutboundResponse]) -> MediaStep {
        if let response = responses.last {
            return response.status.isSuccess
                ? .content(contentType: attachment.contentType)
                : .unavailable(reason: "HTTP \(response.status.code): the address may have expired")
        }
        guard let url = attachment.url else { return .unavailable(reason: "the file has no address") }
        // No other host is asked at a payload's word.
        let domains = ["discordapp.com", "discordapp.net", "discord.com"]
        guard let request = OutboundRequest.fetching(url, at: domains, or: [configuration.apiBase]) else {
            return .unavailable(reason: "the file is not at Discord")
        }
        return .request(request)
    }
}
