internal import Glibc

/// A private copy of a database with its WAL and journal, for folders that nothing can be written to.
struct FileCopy: Sendable {
    /// The copied database.
    let path: String
    private let folder: String

    /// The files beside a database that hold part of its content, empty ones left out.
    static func sideFiles(of path: String) -> [String] {
        ["-wal", "-journal"].map { path + $0 }.filter { (state(of: $0)?.size ?? 0) > 0 }
    }

    /// Copies into `SQLITE_TMPDIR`, `TMPDIR` or `/var/tmp`.
    ///
    /// - Throws: ``ImportSourceError``, also when somebody writes to the file meanwhile: half old and half new would look
    ///   like a damaged database, or worse, like a whole one.
    init(of source: String) throws(ImportSourceError) {
        let variables: [String] = ["SQLITE_TMPDIR", "TMPDIR"]
        let base = variables.lazy.compactMap { name in getenv(name).map { String(cString: $0) } }
            .first { folder in access(folder, W_OK) == 0 }
        var template = Array("\(base ?? "/var/tmp")/chatbridge-import-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .cannotRead(
                path: source,
                reason: """
                    nothing can be written to its folder, and no copy can be made in \(base ?? "/var/tmp"): set TMPDIR to \
                    a folder with room for it
                    """)
        }
        folder = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        path = folder + "/copy.db"
        do throws(ImportSourceError) {
            try copyAll(source)
        } catch {
            remove()
            throw error
        }
    }

    private func copyAll(_ source: String) throws(ImportSourceError) {
        for _ in 0..<3 {
            let names = ["", "-wal", "-journal"]
            let before = names.map { Self.state(of: source + $0) }
            for (name, state) in zip(names, before) where state != nil {
                try Self.copy(source + name, to: path + name)
            }
            if names.map({ Self.state(of: source + $0) }) == before { return }
        }
        throw .locked(path: source)
    }

    /// Removes the copy.
    func remove() {
        for name in ["", "-wal", "-shm", "-journal"] { unlink(path + name) }
        rmdir(folder)
    }

    private struct State: Equatable {
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    private static func state(of path: String) -> State? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return State(size: status.st_size, seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }

    private static func copy(_ source: String, to target: String) throws(ImportSourceError) {
        let input = open(source, O_RDONLY | O_CLOEXEC)
        guard input >= 0 else { throw .cannotRead(path: source, reason: FileHeader.reason(errno)) }
        defer { close(input) }
        let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw .cannotRead(path: source, reason: "making a copy: \(FileHeader.reason(errno))") }
        defer { close(output) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(input, &buffer, buffer.count)
            guard count >= 0 else { throw .cannotRead(path: source, reason: FileHeader.reason(errno)) }
            if count == 0 { return }
            var written = 0
            while written < count {
                let more = buffer.withUnsafeBytes {
                    write(output, $0.baseAddress.map { $0 + written }, count - written)
                }
                guard more > 0 else {
                    throw .cannotRead(
                        path: source,
                        reason: """
                            its folder cannot be written to, and there is no room for a copy (\(FileHeader.reason(errno))): \
                            set TMPDIR to a folder with room
                            """)
                }
                written += more
            }
        }
    }
}
