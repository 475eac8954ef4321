public import HTTPCore

extension OutboundRequest {
    /// The request that fetches what a payload names by its address; nil where that is not at the platform.
    ///
    /// Whoever writes to the bot may choose such an address: it must not lead to other servers, ours least of all, nor must they
    /// see our token.
    ///
    /// - Parameters:
    ///   - url: as the payload has it.
    ///   - domains: the platform's, in lower case; hosts below them count, by `https` on its usual port.
    ///   - bases: addresses of the configuration: their own hosts are good, whatever they are.
    ///   - headers: go along.
    ///   - bearsToken: whether the access token of a ``TokenRefreshing`` adapter goes along.
    public static func fetching(
        _ url: String, at domains: [String], or bases: [String], headers: HTTPFields = [:], bearsToken: Bool = false
    ) -> OutboundRequest? {
        guard let origin = WebOrigin(url) else { return nil }
        let isOwn = bases.contains { WebOrigin($0) == origin }
        guard isOwn || origin.isWithin(domains) else { return nil }
        return OutboundRequest(
            method: .get, url: url, headers: headers, bearsToken: bearsToken, isUntrustedAddress: !isOwn)
    }
}
