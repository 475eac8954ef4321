internal import Glibc

/// One process's own folder in the spool folder, held by a lock on a file in it.
///
/// The lock (`flock(2)`) ends with the process, however it ends; that is how the next one knows whose segments it may take.
/// It is never a process id, which another process may have by then.
struct SpoolFolder: ~Copyable {
    static let lockName = "lock"

    let path: String
    private let lock: Int32

    /// Makes a folder of that name and locks it.
    init(making name: String, in directory: String) throws(SpoolError) {
        try SpoolFolder.makeFolders(directory)
        let path = directory + "/" + name
        // A process that starts now may take the empty folder for a dead one's and remove it: then make it again.
        for _ in 0..<100 {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SpoolError("make a folder", path: path) }
            if let lock = try SpoolFolder.lock(path, creating: true) {
                self.path = path
                self.lock = lock
                return
            }
        }
        throw SpoolError("lock a folder", path: path, errorNumber: EAGAIN)
    }

    /// Locks the folder of another process that has ended; nil when the process is alive or the folder is none of ours.
    ///
    /// - Throws: ``SpoolError`` where the system has nothing left to look with.
    init?(adopting path: String) throws(SpoolError) {
        var lock: Int32?
        do throws(SpoolError) {
            lock = try SpoolFolder.lock(path, creating: false)
        } catch {
            if [EMFILE, ENFILE, ENOMEM].contains(error.errorNumber) { throw error }
        }
        guard let lock else { return nil }
        self.path = path
        self.lock = lock
    }

    deinit {
        close(lock)
    }

    /// Removes the folder if nothing is left in it but the lock.
    consuming func remove() {
        // While it is still locked: nobody can begin to use it in between.
        unlink(path + "/" + SpoolFolder.lockName)
        rmdir(path)
    }

    /// The names of the segments in the folder, oldest first.
    func segmentNames() throws(SpoolError) -> [String] {
        try SpoolFolder.names(in: path).filter { $0.hasSuffix(SpoolSegment.suffix) }.sorted()
    }

    /// The names of all entries of a folder; none when it is not there.
    static func names(in path: String) throws(SpoolError) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw SpoolError("look into a folder", path: path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private static func lock(_ folder: String, creating: Bool) throws(SpoolError) -> Int32? {
        let path = folder + "/" + lockName
        let descriptor = open(path, O_RDWR | O_CLOEXEC | (creating ? O_CREAT : 0), 0o600)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw SpoolError("open a lock", path: path)
        }
        var opened = stat()
        var named = stat()
        // The file may have been removed, by the process that held it before, between the open and the lock.
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &opened) == 0, stat(path, &named) == 0,
            opened.st_ino == named.st_ino
        {
            return descriptor
        }
        close(descriptor)
        return nil
    }

    /// Makes a folder and those above it, for its owner alone; nothing happens when it is there.
    static func makeFolders(_ path: String) throws(SpoolError) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += part + "/"
            if part.isEmpty || part == "." { continue }
            guard mkdir(made, 0o700) == 0 || errno == EEXIST || errno == EISDIR else {
                throw SpoolError("make a folder", path: made)
            }
        }
    }
}
