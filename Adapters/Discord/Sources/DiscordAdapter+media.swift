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
        guard let url = attachment.url, let host = Self.host(of: url) else {
            return .unavailable(reason: "the file has no address")
        }
        // No other host is asked at a payload's word.
        let networks = [".discordapp.com", ".discordapp.net", ".discord.com"]
        let isOwn = host == Self.host(of: configuration.apiBase)
        guard isOwn || url.hasPrefix("https://") && networks.contains(where: { host.hasSuffix($0) }) else {
            return .unavailable(reason: "the file is not at Discord")
        }
        return .request(OutboundRequest(method: .get, url: url))
    }

    /// The host and port of a URL; nil where somebody is named before them.
    private static func host(of url: String) -> Substring? {
        let parts = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count > 2, parts[0].hasSuffix(":"), parts[1].isEmpty else { return nil }
        let authority = parts[2].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return authority.contains("@") || authority.contains("\\") ? nil : authority
    }
}
