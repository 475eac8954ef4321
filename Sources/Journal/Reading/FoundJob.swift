/// A log job on its way to the database, and where it was met.
public struct FoundJob: Sendable, Equatable {
    /// Where a job may be.
    public enum Place: Sendable, Equatable {
        /// In the queue, with so many jobs before it.
        case queue(ahead: Int)
        /// In the hand of a logger, which lives or is gone.
        case claimed(logger: String, isAlive: Bool)
        /// In the spool on this machine, in this file.
        case spool(file: String)
        /// Among the dead letters: no database takes it.
        case dead
    }

    /// Where it was met.
    public let place: Place
    /// The job, or the dead letter that it is in.
    public let bytes: [UInt8]

    /// A job at a place.
    public init(place: Place, bytes: [UInt8]) {
        self.place = place
        self.bytes = bytes
    }
}

extension [UInt8] {
    /// Whether these bytes are somewhere in it.
    package func holds(_ part: [UInt8]) -> Bool {
        guard let first = part.first, part.count <= count else { return false }
        return withUnsafeBufferPointer { whole in
            var from = 0
            let last = whole.count - part.count
            while from <= last, let at = whole[from...last].firstIndex(of: first) {
                if whole[at..<at + part.count].elementsEqual(part) { return true }
                from = at + 1
            }
            return false
        }
    }
}
