import EventLoop
import Glibc
import Retention

extension Command {
    /// `chatbridge export`: everything of one person as JSON.
    static let export = Command(
        name: "export", summary: "everything of one person as one JSON document",
        help: """
            Usage: chatbridge export PLATFORM USER [--output FILE]

            Writes everything of one person as one JSON document: their sessions with all messages, what they said in groups and the
            answers to that, and what of them is in queues, dead letters and the spool. Files that came with messages are named,
            not copied.

              --output FILE   writes there instead of to standard output; the file must be new, and only you can read it

            Example: chatbridge export telegram 123456789 --output person.json
            """
    ) { arguments in
        let path = try arguments.value("--output")
        let person = try arguments.person()
        try arguments.end()
        return try ArchiveAccess.run("export") { loop, product in
            let access = try await ArchiveAccess(product, loop: loop)
            var descriptor: Int32 = 1
            if let path {
                descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
                guard descriptor >= 0 else {
                    Terminal.complain("chatbridge export: \(path): \(String(cString: strerror(errno)))")
                    return .failure
                }
            }
            defer { if path != nil { close(descriptor) } }
            let export = PersonExport(archive: access.archive, places: try access.places(for: person))
            let count = try await export.write(person) { bytes in try Output.write(bytes, to: descriptor) }
            await access.archive.close()
            if path != nil { Terminal.complain("\(count) messages") }
            return .success
        }
    }
}

/// Writes a document where it goes.
private enum Output {
    /// The reader is gone, or the disk is full.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func write(_ bytes: [UInt8], to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw Failure(description: "the document cannot be written: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }
}
