import Glibc

/// A file that holds one secret, as Docker mounts them below `/run/secrets`.
enum SecretFile {
    /// Why there is no secret to be had from a file.
    struct Fault: Error, Equatable {
        /// What is wrong, behind the file's path.
        let words: String
    }

    /// The largest content that is taken for a secret: a service account's JSON has some 2 KiB.
    private static let maxBytes = 65_536

    /// The content of a file without the one line end that editors and `echo` leave behind it.
    static func read(_ path: String) -> Result<String, Fault> {
        guard let file = fopen(path, "rbe") else {
            return .failure(Fault(words: "cannot be read (\(String(cString: strerror(errno))))"))
        }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: maxBytes + 1)
        let count = fread(&buffer, 1, buffer.count, file)
        // A folder opens and fails here.
        guard ferror(file) == 0 else {
            return .failure(Fault(words: "cannot be read (\(String(cString: strerror(errno))))"))
        }
        var bytes = buffer[..<count]
        guard bytes.count <= maxBytes else { return .failure(Fault(words: "is larger than 64 KiB: no secret is")) }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard !bytes.isEmpty else { return .failure(Fault(words: "is empty")) }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(Fault(words: "holds no text"))
        }
        return .success(text)
    }
}
