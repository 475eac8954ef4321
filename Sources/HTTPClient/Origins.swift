/// The URLs that were used lately and the servers behind them: a bridge sends to a few, again and again.
struct Origins {
    /// URLs kept at the most; when there are more, all are forgotten, which costs each one parse.
    private static let limit = 256

    /// False where connections to all servers go to one place, the proxy: all count as one origin then.
    var isSeparate = true

    private var urls: [String: ParsedURL] = [:]
    private var known: [String: Origin] = [:]

    /// The URL of this text.
    mutating func parsed(_ text: String) throws(HTTPClientError) -> ParsedURL {
        if let url = urls[text] { return url }
        let url = try ParsedURL(text)
        if urls.count >= Origins.limit {
            urls = [:]
            known = known.filter { !$0.value.isIdle }
        }
        url.origin = origin(of: url)
        urls[text] = url
        return url
    }

    /// Closes multi handles that were not used since the last call.
    ///
    /// - Returns: true while there are others.
    func trim() -> Bool {
        var hasOwn = false
        for origin in known.values {
            origin.trim()
            if !origin.own.isEmpty { hasOwn = true }
        }
        return hasOwn
    }

    /// Closes all multi handles of single origins.
    func close() {
        for origin in known.values { origin.close() }
    }

    private mutating func origin(of url: ParsedURL) -> Origin {
        let name = isSeparate ? url.originName : ""
        if let origin = known[name] { return origin }
        let origin = Origin()
        known[name] = origin
        return origin
    }
}
