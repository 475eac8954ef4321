internal import Glibc
internal import Synchronization

/// Tells the next process of a folder which bridge this one was, so that what it held is taken over at once.
///
/// The file is locked while the process lives (`flock(2)`), and the kernel gives the lock up with the process, however that
/// ends: who gets the lock knows that the bridges named in the file are dead, and need not wait until their leases have run
/// out. It is never a process id, which another process may have by then. Keep the folder on one machine.
public final class BridgeMark: Sendable {
    /// Far more than the ids of a few runs take.
    private static let longestFile = 65_536

    /// The bridges of earlier processes in this folder, which are dead for certain.
    public let predecessors: [String]
    private let descriptor: Int32
    private let written = Mutex<[ObjectIdentifier: [String]]>([:])

    /// The mark in a folder, which is made where it is not there.
    ///
    /// - Parameter shard: one of several inboxes that a bridge has, which has a mark of its own.
    /// - Returns: nil where another process has it, or no file can be made: then leases alone tell who lives.
    public init?(directory: String, shard: Int? = nil) {
        mkdir(directory, 0o700)
        let name = shard.map { "/bridge-\($0).lock" } ?? "/bridge.lock"
        let descriptor = open(directory + name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        var buffer = [UInt8](repeating: 0, count: BridgeMark.longestFile)
        let count = max(0, pread(descriptor, &buffer, buffer.count, 0))
        predecessors = buffer[..<count].split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }

    deinit {
        close(descriptor)
    }

    /// Writes down the bridges that are dead once this process is, in place of what the same inbox has written before.
    ///
    /// A crash in between leaves too few names: then their leases run out.
    func write(_ bridges: [String], for inbox: AnyObject) {
        written.withLock { written in
            written[ObjectIdentifier(inbox)] = bridges
            let names = Set(written.values.joined()).sorted()
            let bytes = Array((names.joined(separator: "\n") + "\n").utf8)
            ftruncate(descriptor, 0)
            _ = pwrite(descriptor, bytes, bytes.count, 0)
        }
    }
}
