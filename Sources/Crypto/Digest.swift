import COpenSSL

/// One hash algorithm of OpenSSL, fetched once: fetching by name for each call costs more than hashing a webhook.
// Unchecked: the pointer is set once, and OpenSSL's fetched algorithms are immutable and counted atomically.
struct Digest: @unchecked Sendable {
    private let algorithm: OpaquePointer
    private let size: Int

    static let sha256 = Digest("SHA256", size: 32)
    static let sha1 = Digest("SHA1", size: 20)

    private init(_ name: StaticString, size: Int) {
        let fetched = name.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) { EVP_MD_fetch(nil, $0.baseAddress, nil) }
        }
        guard let fetched else { preconditionFailure("OpenSSL has no \(name)") }
        algorithm = fetched
        self.size = size
    }

    func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: size) { output, count in
            let done = EVP_Digest(bytes.baseAddress, bytes.count, output.baseAddress, nil, algorithm, nil)
            precondition(done == 1, "OpenSSL could not hash")
            count = size
        }
    }
}
