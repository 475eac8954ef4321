/// The first bytes by which file formats are known.
enum MediaSignature {
    private struct Mark {
        let offset: Int
        let bytes: [UInt8]
        let type: MediaType

        init(_ bytes: [UInt8], at offset: Int = 0, _ name: String, _ fileExtension: String) {
            self.offset = offset
            self.bytes = bytes
            type = MediaType(name, fileExtension)
        }

        init(_ text: StaticString, at offset: Int = 0, _ name: String, _ fileExtension: String) {
            self.init(text.withUTF8Buffer { Array($0) }, at: offset, name, fileExtension)
        }

        func stands(in head: [UInt8]) -> Bool {
            head.count >= offset + bytes.count && head[offset...].starts(with: bytes)
        }
    }

    /// The type that the first bytes show; nil when they show none.
    static func type(of head: [UInt8]) -> MediaType? {
        if let type = riff(head) ?? base(head) ?? matroska(head) ?? ogg(head) { return type }
        return marks.first { $0.stands(in: head) }?.type
    }

    /// From <https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern> and the sections behind it, unless another source is
    /// named.
    private static let marks = [
        Mark([0xFF, 0xD8, 0xFF], "image/jpeg", "jpg"),
        Mark([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "image/png", "png"),
        Mark("GIF87a", "image/gif", "gif"),
        Mark("GIF89a", "image/gif", "gif"),
        Mark("BM", "image/bmp", "bmp"),
        Mark([0x00, 0x00, 0x01, 0x00], "image/x-icon", "ico"),
        // TIFF 6.0, section 2.
        Mark([0x49, 0x49, 0x2A, 0x00], "image/tiff", "tif"),
        Mark([0x4D, 0x4D, 0x00, 0x2A], "image/tiff", "tif"),
        Mark("ID3", "audio/mpeg", "mp3"),
        // MPEG audio, layer III: the frame's sync word (ISO/IEC 11172-3, section 2.4.2.3).
        Mark([0xFF, 0xFB], "audio/mpeg", "mp3"),
        Mark([0xFF, 0xF3], "audio/mpeg", "mp3"),
        Mark([0xFF, 0xF2], "audio/mpeg", "mp3"),
        // ADTS (ISO/IEC 13818-7, section 6.2).
        Mark([0xFF, 0xF1], "audio/aac", "aac"),
        Mark([0xFF, 0xF9], "audio/aac", "aac"),
        // RFC 9639, section 6.
        Mark("fLaC", "audio/flac", "flac"),
        // RFC 4867, section 5.1.
        Mark("#!AMR\n", "audio/amr", "amr"),
        Mark("#!AMR-WB\n", "audio/amr-wb", "awb"),
        Mark([0x4D, 0x54, 0x68, 0x64, 0x00, 0x00, 0x00, 0x06], "audio/midi", "mid"),
        Mark("%PDF-", "application/pdf", "pdf"),
        Mark("%!PS-Adobe-", "application/postscript", "ps"),
        Mark([0x1F, 0x8B, 0x08], "application/gzip", "gz"),
        Mark([0x50, 0x4B, 0x03, 0x04], "application/zip", "zip"),
        Mark([0x52, 0x61, 0x72, 0x21, 0x1A, 0x07], "application/x-rar-compressed", "rar"),
        // 7zFormat.txt of the LZMA SDK, section "Signature".
        Mark([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "application/x-7z-compressed", "7z"),
        // [MS-CFB], section 2.2.
        Mark([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "application/x-ole-storage", "ole"),
        // Rich Text Format 1.9.1, "File contents".
        Mark("{\\rtf", "application/rtf", "rtf"),
    ]

    /// RIFF and AIFF: a length stands between the two words.
    private static func riff(_ head: [UInt8]) -> MediaType? {
        guard head.count >= 12 else { return nil }
        let form = String(decoding: head[8..<12], as: UTF8.self)
        if head.starts(with: "RIFF".utf8) {
            switch form {
            case "WEBP": return MediaType("image/webp", "webp")
            case "WAVE": return MediaType("audio/wav", "wav")
            case "AVI ": return MediaType("video/x-msvideo", "avi")
            default: return nil
            }
        }
        return head.starts(with: "FORM".utf8) && form == "AIFF" ? MediaType("audio/aiff", "aiff") : nil
    }

    /// ISO base media files (ISO/IEC 14496-12, section 4.3): the major brand of the first box says what it is (<https://mp4ra.org>).
    private static func base(_ head: [UInt8]) -> MediaType? {
        guard head.count >= 12, head[4..<8].elementsEqual("ftyp".utf8) else { return nil }
        switch String(decoding: head[8..<12], as: UTF8.self) {
        case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1": return MediaType("image/heic", "heic")
        case "avif", "avis": return MediaType("image/avif", "avif")
        case "M4A ", "M4B ": return MediaType("audio/mp4", "m4a")
        case "qt  ": return MediaType("video/quicktime", "mov")
        case let brand where brand.hasPrefix("3gp"): return MediaType("video/3gpp", "3gp")
        default: return MediaType("video/mp4", "mp4")
        }
    }

    /// EBML (RFC 8794, section 11.2.1) with the document type in its header.
    private static func matroska(_ head: [UInt8]) -> MediaType? {
        guard head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) else { return nil }
        let header = String(decoding: head.prefix(64), as: UTF8.self)
        if header.contains("webm") { return MediaType("video/webm", "webm") }
        return header.contains("matroska") ? MediaType("video/x-matroska", "mkv") : nil
    }

    /// Ogg (RFC 3533, section 6); the first page's packet says what is in it (RFC 7845, Vorbis I section 4.2.1).
    private static func ogg(_ head: [UInt8]) -> MediaType? {
        guard head.starts(with: "OggS\0".utf8) else { return nil }
        let page = head.dropFirst(28)
        if page.starts(with: "OpusHead".utf8) || page.starts(with: "\u{1}vorbis".utf8) {
            return MediaType("audio/ogg", "ogg")
        }
        return page.starts(with: [UInt8(0x80)] + Array("theora".utf8))
            ? MediaType("video/ogg", "ogv")
            : MediaType("application/ogg", "ogg")
    }
}
