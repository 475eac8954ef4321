internal import Crypto
internal import Glibc

/// Names a file in the state in which it is, and how it is read, so that a checkpoint is used for nothing else.
///
/// It changes with every write to the file: a store that has changed is imported from its start, which passes over what is
/// there already.
public struct ImportFingerprint: Sendable, Equatable, CustomStringConvertible {
    /// Sixty-four hexadecimal digits.
    public let description: String

    /// A fingerprint of this text.
    init(of text: String) {
        description = Hex.encode(SHA256.digest(of: text))
    }

    /// The fingerprint of a file.
    ///
    /// - Parameters:
    ///   - path: of the database; its WAL is looked at too.
    ///   - mapping: the content of the mapping that it is read by.
    public init(path: String, mapping: [UInt8]? = nil) {
        var text = "import 1"
        for name in [path, path + "-wal"] {
            var status = stat()
            // An empty WAL may be made and removed by who only reads.
            guard stat(name, &status) == 0, name == path || status.st_size > 0 else { continue }
            text += "\n\(status.st_dev) \(status.st_ino) \(status.st_size)"
            text += " \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
        }
        if let mapping { text += "\n" + Hex.encode(SHA256.digest(of: mapping)) }
        self.init(of: text)
    }
}
