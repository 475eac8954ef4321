import BridgeCore
import JSON

/// One way to ask an A2A agent, chosen from those on its card.
struct A2AInterface: Sendable, Equatable {
    /// The protocol as it is spoken there.
    enum Binding: Sendable, Equatable {
        /// JSON-RPC of 0.3: `message/send`, `message/stream`, `tasks/get`.
        case jsonRPC03
        /// JSON-RPC of 1.0: `SendMessage`, `SendStreamingMessage`, `GetTask`.
        case jsonRPC10
        /// HTTP and JSON of 1.0: `/message:send`, `/message:stream`, `/tasks/ID`.
        case rest10
    }

    var binding: Binding
    /// Without a slash at its end where the binding adds paths to it.
    var url: String
    /// Which of several agents behind one address (1.0).
    var tenant: String?
    /// Whether the agent answers piece by piece where that is wanted.
    var isStreaming: Bool
    /// Whether the card has sent us to another host than that of the configuration: not into our own network, then.
    var isUntrustedAddress = false
    /// The media types that the agent takes, in its card's words; empty where it names none.
    var inputModes: [String] = []

    /// Whether the agent takes files of a media type: servers refuse a whole message for a part that they do not take.
    func takes(_ contentType: String?) -> Bool {
        inputModes.isEmpty
            || inputModes.contains { mode in
                switch mode.lowercased() {
                case "*", "*/*", "file": return true
                case let mode:
                    guard let contentType = contentType?.lowercased() else { return false }
                    let group = mode.hasSuffix("/*") ? String(mode.dropLast(2)) : mode
                    return mode == contentType || contentType.hasPrefix(group + "/")
                }
            }
    }
}

extension A2AInterface {
    /// Chooses the first interface on a card that we speak: the card has them in the agent's order of preference.
    ///
    /// A card of 1.0 lists `supportedInterfaces`, each with its version; one of 0.3 has a `url` with a `preferredTransport`, and
    /// `additionalInterfaces`, all of the card's `protocolVersion`.
    ///
    /// - Parameter origin: of the address at which the card was found, for interfaces that tell a path alone.
    /// - Throws: `AgentFailure` with what the card offers instead.
    init(card: JSONView, origin: String) throws(AgentFailure) {
        var offers = card["supportedInterfaces"].elements.map { Offer(interface: $0) }
        if offers.isEmpty {
            let version = card["protocolVersion"].string
            offers = [
                Offer(url: card["url"].string, transport: card["preferredTransport"].string, version: version)
            ]
            offers += card["additionalInterfaces"].elements.map {
                Offer(url: $0["url"].string, transport: $0["transport"].string, version: version)
            }
        }
        for offer in offers {
            guard var url = offer.url, !url.isEmpty, let binding = offer.binding else { continue }
            url = A2AInterface.reachable(url, from: origin)
            guard url.hasPrefix("http://") || url.hasPrefix("https://") else { continue }
            if binding == .rest10, url.hasSuffix("/") { url.removeLast() }
            self.init(
                binding: binding, url: url, tenant: offer.tenant,
                isStreaming: card["capabilities"]["streaming"].bool == true,
                isUntrustedAddress: A2AInterface.isUntrusted(url, from: origin), inputModes: A2AInterface.modes(card))
            return
        }
        let found = offers.map { "\($0.transport) \($0.version ?? "0.3")" }.joined(separator: ", ")
        throw AgentFailure(
            .malformed,
            "the agent card offers none of JSONRPC 0.3, JSONRPC 1.0 and HTTP+JSON 1.0, but \(found.prefix(100))")
    }

    /// The address as we can use it: agents often name a path alone, or where they listen instead of where they are reached
    /// (`0.0.0.0`, or `localhost` in a container).
    private static func reachable(_ url: String, from origin: String) -> String {
        if url.hasPrefix("/") { return origin + url }
        guard let own = A2AURL(url), let found = A2AURL(origin) else { return url }
        let isEverywhere = own.host == "0.0.0.0" || own.host == "[::]"
        guard isEverywhere || (own.isLoopback && !found.isLoopback) else { return url }
        return origin + own.rest
    }

    /// Whether an address is one that somebody in the Internet has chosen for us.
    ///
    /// An agent inside of our network may send us to another place there, as from `localhost` to `agent:9999`.
    private static func isUntrusted(_ url: String, from origin: String) -> Bool {
        guard let own = A2AURL(url), let found = A2AURL(origin) else { return true }
        return own.host != found.host && !found.isInside
    }

    /// What the agent takes by default or for any of its skills.
    private static func modes(_ card: JSONView) -> [String] {
        let skills = card["skills"].elements.flatMap { $0["inputModes"].elements.compactMap(\.string) }
        return card["defaultInputModes"].elements.compactMap(\.string) + skills
    }

    /// What a card says of one interface.
    private struct Offer {
        var url: String?
        var transport: String
        var version: String?
        var tenant: String?

        init(url: String?, transport: String?, version: String?) {
            self.url = url
            self.transport = transport ?? "JSONRPC"
            self.version = version
        }

        init(interface: JSONView) {
            self.init(
                url: interface["url"].string,
                transport: interface["protocolBinding"].string ?? interface["transport"].string,
                version: interface["protocolVersion"].string ?? "1.0")
            tenant = interface["tenant"].string.flatMap { $0.isEmpty ? nil : $0 }
        }

        var binding: Binding? {
            // Versions of one major number understand each other (specification 1.0, section 3.6); there was none before 0.2.
            let major = version?.prefix { $0 != "." } ?? "0"
            switch (transport.uppercased(), major) {
            case ("JSONRPC", "0"): return .jsonRPC03
            case ("JSONRPC", "1"): return .jsonRPC10
            case ("HTTP+JSON", "1"): return .rest10
            default: return nil
            }
        }
    }
}
