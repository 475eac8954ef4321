internal import Glibc
internal import ThreadExecutor

/// Keeps each value in a small file of its own, replaced as a whole, so that a crash leaves the old or the new one.
///
/// Nobody but the owner may read the files.
public actor FileStateStore: StateStore {
    /// A file could not be read or written.
    public struct Failure: Error, CustomStringConvertible {
        /// What was being done, to which file, and the system's words.
        public let description: String
    }

    private nonisolated let executor = ThreadExecutor(name: "state")
    /// Files are slow: a thread of its own.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private static let longestValue = 65_536

    private let directory: String

    /// A store in this folder, which is made when the first value is stored.
    public init(directory: String) {
        self.directory = directory
    }

    /// The value stored last; nil when there is none.
    public func value(of name: String) throws -> String? {
        guard let file = fopen(path(of: name), "r") else {
            if errno == ENOENT { return nil }
            throw failure("read", name)
        }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: FileStateStore.longestValue)
        let count = fread(&buffer, 1, buffer.count, file)
        var text = String(decoding: buffer[..<count], as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        return text.isEmpty ? nil : text
    }

    /// Stores a value of at most 64 KiB; it survives a crash of the machine once this returns.
    public func store(_ value: String, of name: String) throws {
        precondition(value.utf8.count < FileStateStore.longestValue, "states are small")
        mkdir(directory, 0o700)
        let temporary = path(of: name) + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else { throw failure("write", name) }
        let isWritten = fputs(value + "\n", file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0
        let problem = isWritten ? nil : failure("write", name)
        fclose(file)
        if let problem { throw problem }
        guard rename(temporary, path(of: name)) == 0 else { throw failure("write", name) }
        // The new name is in the folder, which is a file of its own to a machine that crashes.
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private func path(of name: String) -> String {
        "\(directory)/\(name)"
    }

    private func failure(_ operation: String, _ name: String) -> Failure {
        Failure(description: "could not \(operation) \(path(of: name)): \(String(cString: strerror(errno)))")
    }
}
