internal import Glibc

/// A lock on a file of its own (`flock(2)`), which the kernel gives up with the process, however that ends.
///
/// Not on the database itself: closing any other descriptor of a file drops the locks that SQLite has on it (`fcntl(2)`).
package struct FileLock: ~Copyable {
    private let descriptor: Int32

    /// Locks the file, making it where it is not there.
    ///
    /// - Returns: nil when somebody else has it locked.
    /// - Throws: ``SpoolError`` when the file cannot be made.
    package init?(_ path: String) throws(SpoolError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SpoolError("make a lock", path: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(descriptor)
            if reason == EWOULDBLOCK { return nil }
            throw SpoolError("lock a file", path: path, errorNumber: reason)
        }
        self.descriptor = descriptor
    }

    deinit {
        // The file stays: whoever removes it may remove what another has locked by then.
        close(descriptor)
    }
}
