import COpenSSL

/// Text of OpenSSL's PEM readers, which read from streams alone.
enum PEMText {
    /// Lends a stream over the text, and clears what OpenSSL has to complain of afterwards.
    static func withBIO<Result>(_ text: String, _ body: (OpaquePointer) -> Result?) -> Result? {
        var text = text
        return text.withUTF8 { bytes in
            defer { ERR_clear_error() }
            guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else { return nil }
            defer { BIO_free(bio) }
            return body(bio)
        }
    }
}
