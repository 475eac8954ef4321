import Testing

@testable import ObjectStorage

@Suite struct MediaTypeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let bytes: [UInt8]
        let declared: String?
        let name: String
        let fileExtension: String

        init(_ bytes: [UInt8], _ name: String, _ fileExtension: String, declared: String? = nil) {
            self.bytes = bytes
            self.declared = declared
            self.name = name
            self.fileExtension = fileExtension
        }

        init(text: String, _ name: String, _ fileExtension: String, declared: String? = nil) {
            self.init(Array(text.utf8), name, fileExtension, declared: declared)
        }

        var testDescription: String { "\(name) declared \(declared ?? "nothing")" }
    }

    private static let zip: [UInt8] = [0x50, 0x4B, 3, 4, 20, 0]
    private static let ole: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]
    private static let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    private static let gzip: [UInt8] = [0x1F, 0x8B, 8, 0]
    private static let webm: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3, 0x9F, 0x42, 0x82, 0x84, 0x77, 0x65, 0x62, 0x6D]
    private static let bytes = "application/octet-stream"

    private static func box(_ brand: String) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 24]
        bytes += Array("ftyp\(brand)".utf8)
        return bytes + [UInt8](repeating: 0, count: 4)
    }

    private static func page(_ mark: UInt8?, _ word: String) -> [UInt8] {
        var bytes = Array("OggS\0".utf8) + [UInt8](repeating: 2, count: 23)
        if let mark { bytes.append(mark) }
        return bytes + Array(word.utf8)
    }

    static let media: [Case] = [
        Case([0xFF, 0xD8, 0xFF, 0xE0], "image/jpeg", "jpg"),
        Case([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], "image/png", "png", declared: "text/html"),
        Case(text: "GIF89a…", "image/gif", "gif"), Case(text: "BM6\0", "image/bmp", "bmp"),
        Case(text: "RIFF\u{10}\0\0\0WEBPVP8 ", "image/webp", "webp"),
        Case(text: "RIFF\u{10}\0\0\0WAVEfmt ", "audio/wav", "wav"),
        Case(box("isom"), "video/mp4", "mp4"),
        Case(box("isom"), "audio/mp4", "mp4", declared: "audio/mp4; codecs=x"),
        Case(box("heic"), "image/heic", "heic"), Case(box("avif"), "image/avif", "avif"),
        Case(box("M4A "), "audio/mp4", "m4a"), Case(box("qt  "), "video/quicktime", "mov"),
        Case(box("3gp4"), "video/3gpp", "3gp"),
        Case(page(nil, "OpusHead"), "audio/ogg", "ogg"), Case(page(1, "vorbis"), "audio/ogg", "ogg"),
        Case(page(0x80, "theora"), "video/ogg", "ogv"), Case(page(9, "x"), "application/ogg", "ogg"),
        Case(page(9, "x"), "audio/ogg", "ogg", declared: "audio/ogg"),
        Case(webm, "video/webm", "webm"), Case(webm, "audio/webm", "webm", declared: "audio/webm"),
        Case(text: "ID3\u{3}", "audio/mpeg", "mp3"), Case([0xFF, 0xFB, 0x90], "audio/mpeg", "mp3"),
        Case(text: "#!AMR\n<", "audio/amr", "amr"), Case(text: "fLaC\0", "audio/flac", "flac"),
    ]

    static let files: [Case] = [
        Case(text: "%PDF-1.7\n<script>", "application/pdf", "pdf", declared: "image/png"),
        Case(zip, "application/zip", "zip"), Case(zip, docx, "docx", declared: docx),
        Case(zip, "application/zip", "zip", declared: "text/html"),
        Case(ole, "application/msword", "doc", declared: "application/msword"),
        Case(ole, "application/x-ole-storage", "ole", declared: "image/png"),
        Case(gzip, "application/x-tgsticker", "tgs", declared: "application/x-tgsticker"),
        Case(gzip, "application/gzip", "gz"),
        Case(text: "a,b\n1,2\n", "text/csv", "csv", declared: "text/csv; charset=utf-8"),
        Case(text: "a,b\n", "text/plain", "txt"),
        Case(text: "{\"a\":1}", "application/json", "json", declared: "application/json"),
        Case(text: "alert(1)", "text/plain", "txt", declared: "text/javascript"),
        Case(text: "alert(1)", "text/plain", "txt", declared: "text/html"),
        Case([0, 1, 2, 3], bytes, "bin", declared: "text/plain"),
        Case([0x4D, 0x5A, 0x90, 0], bytes, "bin", declared: "image/png"),
        Case([], bytes, "bin", declared: "image/png"),
    ]

    @Test(arguments: media + files)
    func `the first bytes say what it is`(_ row: Case) {
        let type = MediaType(of: row.bytes, declared: row.declared)
        #expect(type.name == row.name)
        #expect(type.fileExtension == row.fileExtension)
    }

    @Test(arguments: [
        "<!DOCTYPE html><p>", "  \r\n<html>", "\u{FEFF}<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"x\">",
        "<?xml version=\"1.0\"?><svg>", "<script>alert(1)</script>", "<!-- --><b>", "<a",
    ])
    func `markup is handed out as bytes, whatever it is said to be`(text: String) {
        let claims: [String?] = ["text/html", "image/svg+xml", "text/csv", "image/png", "application/xml", nil]
        for claim in claims {
            let type = MediaType(of: Array(text.utf8), declared: claim)
            #expect(type.name == "application/octet-stream")
            #expect(type.isText && !type.isShown)
        }
    }

    @Test func `pictures, sound and films are shown, and nothing else is`() {
        #expect(MediaType(of: [0xFF, 0xD8, 0xFF], declared: nil).isShown)
        #expect(MediaType(of: Array("ID3".utf8), declared: nil).isShown)
        #expect(!MediaType(of: Array("%PDF-1".utf8), declared: nil).isShown)
        #expect(!MediaType(of: Array("words".utf8), declared: "image/svg+xml").isShown)
    }
}
