internal import HTTPCore

/// The parameters of a webhook, from its body or its query.
struct TwilioForm {
    /// All of them as they came, empty and unknown ones too: each is signed.
    let parameters: [(name: String, value: String)]
    private let values: [String: String]

    init(_ bytes: some Sequence<UInt8>) {
        self.init(HTTPPercentEncoding.decodeForm(bytes))
    }

    init(_ parameters: [(name: String, value: String)]) {
        self.parameters = parameters
        values = Dictionary(parameters.map { ($0.name, $0.value) }) { first, _ in first }
    }

    /// The first value under a name, empty or not.
    subscript(raw name: String) -> String? { values[name] }

    /// The first value under a name; nil where it is empty, as Twilio writes what it does not know.
    subscript(name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// A telephone number or another address, mended where a `+` was not encoded or a colon is missing.
    func address(_ name: String) -> String? {
        guard var address = self[name] else { return nil }
        for channel in ["whatsapp", "messenger", "rcs"] where address.hasPrefix(channel) {
            let rest = address.dropFirst(channel.count).drop { $0 == ":" }
            // An unencoded + is a space by now.
            return "\(channel):" + (rest.first == " " ? "+" + rest.dropFirst() : String(rest))
        }
        if address.first == " " { address = "+" + address.dropFirst() }
        return address
    }
}
