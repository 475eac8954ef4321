/// What a file is, by its first bytes, and how it may be handed out.
///
/// What a sender or a platform declares is believed only where it cannot do harm: among the formats that share a container, and among
/// plain texts. A page or drawing with script in it (HTML, SVG, XML) is never handed out as such, whatever it is declared to be.
public struct MediaType: Sendable, Equatable {
    /// The media type, as in `image/jpeg`.
    public let name: String
    /// The ending for a file's name, without the dot.
    public let fileExtension: String

    /// True for pictures, sound and moving pictures that browsers show by themselves; everything else is offered for saving.
    public var isShown: Bool {
        ["image/", "audio/", "video/"].contains { name.hasPrefix($0) }
    }

    /// True where the bytes are letters, and no picture, sound or archive.
    public let isText: Bool

    /// A type.
    init(_ name: String, _ fileExtension: String, isText: Bool = false) {
        self.name = name
        self.fileExtension = fileExtension
        self.isText = isText
    }

    /// Bytes of which nothing is known.
    static let unknown = MediaType("application/octet-stream", "bin")
    /// As many bytes as decide (<https://mimesniff.spec.whatwg.org/#reading-the-resource-header>).
    private static let headSize = 1445

    /// Finds out what these bytes are.
    ///
    /// - Parameter declared: what somebody says, with or without parameters.
    public init(of bytes: [UInt8], declared: String?) {
        let head = bytes.prefix(MediaType.headSize)
        let claim = declared.map { MediaType.essence($0) }
        if let container = MediaSignature.type(of: Array(head)) {
            self = MediaType.refined(container, claim)
        } else if head.isEmpty || head.contains(where: MediaType.isBinary) {
            self = .unknown
        } else {
            self = MediaType.text(head, claim)
        }
    }

    /// A container's content, where the declared type is one that such a container holds.
    private static func refined(_ container: MediaType, _ claim: String?) -> MediaType {
        guard let claim else { return container }
        switch container.name {
        case "application/zip":
            return zipped.first { $0.name == claim } ?? container
        case "application/x-ole-storage":
            return compound.first { $0.name == claim } ?? container
        case "application/gzip":
            return claim == "application/x-tgsticker" ? MediaType(claim, "tgs") : container
        case "video/mp4", "application/ogg", "video/webm":
            // Voice notes come in the containers of films.
            return claim.hasPrefix("audio/")
                ? MediaType(audioName[container.name] ?? container.name, container.fileExtension)
                : container
        default:
            return container
        }
    }

    private static let audioName = [
        "video/mp4": "audio/mp4", "application/ogg": "audio/ogg", "video/webm": "audio/webm",
    ]

    /// Text that begins as markup may hold script, and is handed out as bytes without a meaning.
    private static func text(_ head: ArraySlice<UInt8>, _ claim: String?) -> MediaType {
        var words = head
        if words.starts(with: [0xEF, 0xBB, 0xBF]) { words = words.dropFirst(3) }
        let first = words.first { $0 > 0x20 }
        if first == UInt8(ascii: "<") { return MediaType(unknown.name, unknown.fileExtension, isText: true) }
        return texts.first { $0.name == claim } ?? MediaType("text/plain", "txt", isText: true)
    }

    /// A binary data byte (<https://mimesniff.spec.whatwg.org/#binary-data-byte>).
    private static func isBinary(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x08, 0x0B, 0x0E...0x1A, 0x1C...0x1F: true
        default: false
        }
    }

    /// The type without its parameters, in lower case.
    private static func essence(_ declared: String) -> String {
        declared.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
    }

    /// Formats that are ZIP archives (ECMA-376 part 2, ISO/IEC 26300-3, EPUB OCF 3.3, Android's packages).
    private static let zipped = [
        MediaType("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        MediaType("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        MediaType("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
        MediaType("application/vnd.oasis.opendocument.text", "odt"),
        MediaType("application/vnd.oasis.opendocument.spreadsheet", "ods"),
        MediaType("application/vnd.oasis.opendocument.presentation", "odp"),
        MediaType("application/epub+zip", "epub"),
        MediaType("application/vnd.android.package-archive", "apk"),
    ]
    /// Formats in compound files ([MS-CFB], section 2.2).
    private static let compound = [
        MediaType("application/msword", "doc"), MediaType("application/vnd.ms-excel", "xls"),
        MediaType("application/vnd.ms-powerpoint", "ppt"), MediaType("application/vnd.ms-outlook", "msg"),
    ]
    /// Texts in which nothing runs.
    private static let texts = [
        MediaType("text/csv", "csv", isText: true), MediaType("text/markdown", "md", isText: true),
        MediaType("text/calendar", "ics", isText: true), MediaType("text/vcard", "vcf", isText: true),
        MediaType("text/x-vcard", "vcf", isText: true), MediaType("application/json", "json", isText: true),
    ]
}
