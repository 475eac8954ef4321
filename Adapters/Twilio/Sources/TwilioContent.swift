internal import BridgeCore
internal import JSON

/// What an incoming message holds: its words, its media, a place, or what was chosen.
struct TwilioContent {
    var kind = ContentKind.event
    var text: String?
    var attachments: [Attachment] = []
    var metadata: Metadata = [:]
    /// Whether a person says something by it that wants an answer.
    var isAnswerable = false

    init(of form: TwilioForm) {
        text = form["Body"]
        if text != nil {
            kind = .text
            isAnswerable = true
        }
        readMedia(form)
        readPlace(form)
        readChoice(form)
        if form["Forwarded"] == "true" || form["FrequentlyForwarded"] == "true" { metadata["forwarded"] = true }
        for name in ["ReferralBody", "ReferralHeadline", "ReferralSourceUrl", "ReferralSourceId"] {
            metadata.add(name, form[name])
        }
        metadata.add("messaging_service", form["MessagingServiceSid"])
        metadata.add("segments", form["NumSegments"])
        readConsent(form)
    }

    /// More than the ten that a message may hold ("Messages resource", `MediaUrl`), and few enough to look for by name.
    private static let mediaLimit = 100

    private mutating func readMedia(_ form: TwilioForm) {
        var number = 0
        while number < Self.mediaLimit, let url = form["MediaUrl\(number)"] {
            let type = form["MediaContentType\(number)"]
            attachments.append(
                Attachment(
                    kind: OutboundAttachment.kind(ofContentType: type), reference: Self.sid(in: url), url: url,
                    contentType: type))
            number += 1
        }
        guard let first = attachments.first else { return }
        // A card comes as a file of its own type.
        let isCard = first.contentType == "text/vcard" || first.contentType == "text/x-vcard"
        kind = isCard ? .contact : first.kind
        isAnswerable = true
    }

    /// The media's SID, with which its address ends.
    private static func sid(in url: String) -> String? {
        guard let last = url.split(separator: "/").last, last.hasPrefix("ME"), last.count == 34 else { return nil }
        return String(last)
    }

    private mutating func readPlace(_ form: TwilioForm) {
        guard let latitude = form["Latitude"].flatMap(Double.init),
            let longitude = form["Longitude"].flatMap(Double.init)
        else { return }
        kind = .location
        isAnswerable = true
        var writer = JSONWriter()
        writer.object { place in
            place.field("latitude", latitude)
            place.field("longitude", longitude)
            place.field("name", form["Label"])
            place.field("address", form["Address"])
        }
        metadata["location"] = .json(writer.bytes)
        let lines = [form["Label"], form["Address"]].compactMap { $0 }
        if text == nil, !lines.isEmpty { text = lines.joined(separator: "\n") }
    }

    private mutating func readChoice(_ form: TwilioForm) {
        let title = form["ButtonText"] ?? form["ListTitle"]
        guard let choice = form["ButtonPayload"] ?? form["ListId"] ?? form["InteractiveData"] ?? title else { return }
        kind = .button
        isAnswerable = true
        text = choice
        metadata.add("title", title)
        metadata.add("description", form["ListDescription"])
    }

    /// The words by which a person stops messages; Twilio answers them itself and sends nothing more (error 21610).
    private static let stopWords: Set<String> = [
        "STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE",
    ]

    /// Notices a person who does not want messages any more, or again: nobody is answered then.
    private mutating func readConsent(_ form: TwilioForm) {
        let isSMS = form.address("From").map { !$0.contains(":") } ?? false
        // Long texts are looked at no further: each of the words is short.
        let word = text.map { $0.utf8.count > 40 ? "" : $0.filter { !$0.isWhitespace }.uppercased() } ?? ""
        switch form["OptOutType"] {
        case "STOP": kind = .left
        case "START": kind = .joined
        case "HELP": break
        default:
            guard isSMS, attachments.isEmpty, Self.stopWords.contains(word) else { return }
            kind = .left
        }
        isAnswerable = false
        metadata["opt_out"] = .string(form["OptOutType"] ?? "STOP")
    }
}
