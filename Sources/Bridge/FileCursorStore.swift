public import BridgeCore
internal import Glibc
internal import ThreadExecutor

/// Keeps each platform's cursor in a small file of its own, replaced as a whole, so that a crash leaves the old or the new one.
public actor FileCursorStore: CursorStore {
    /// A file could not be read or written.
    public struct Failure: Error, CustomStringConvertible {
        /// What was being done, to which file, and the system's words.
        public let description: String
    }

    private nonisolated let executor = ThreadExecutor(name: "cursors")
    /// Files are slow: a thread of its own.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let directory: String

    /// A store in this folder, which is made when the first cursor is stored.
    public init(directory: String) {
        self.directory = directory
    }

    /// The cursor stored last; nil when there is none.
    public func cursor(of platform: PlatformName) throws -> String? {
        guard let file = fopen(path(of: platform), "r") else {
            if errno == ENOENT { return nil }
            throw failure("read", platform)
        }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = fread(&buffer, 1, buffer.count, file)
        let text = String(decoding: buffer[..<count], as: UTF8.self).filter { !$0.isWhitespace }
        return text.isEmpty ? nil : text
    }

    /// Stores a cursor; it survives a crash of the machine once this returns.
    public func store(_ cursor: String, of platform: PlatformName) throws {
        mkdir(directory, 0o700)
        let temporary = path(of: platform) + ".new"
        guard let file = fopen(temporary, "w") else { throw failure("write", platform) }
        let isWritten = fputs(cursor + "\n", file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0
        let problem = isWritten ? nil : failure("write", platform)
        fclose(file)
        if let problem { throw problem }
        guard rename(temporary, path(of: platform)) == 0 else { throw failure("write", platform) }
        // The new name is in the folder, which is a file of its own to a machine that crashes.
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    private func path(of platform: PlatformName) -> String {
        "\(directory)/\(platform).cursor"
    }

    private func failure(_ operation: String, _ platform: PlatformName) -> Failure {
        Failure(description: "could not \(operation) \(path(of: platform)): \(String(cString: strerror(errno)))")
    }
}
