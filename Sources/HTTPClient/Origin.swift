/// The server behind some URLs (scheme, host and port), and the multi handles that only its transfers use.
///
/// curl looks for a free connection by going through all that it has to a host, so that a multi handle is given no more transfers
/// to one origin than this takes a moment for; what comes on top goes to further ones. The first that has room is taken, so that few
/// connections do most of the work and the others fall idle.
///
/// Confined to the client's loop.
final class Origin {
    /// The most transfers to one origin in a multi handle.
    static let limit = 64
    /// The same in the later ones: each costs 40 KB and two descriptors, and with thousands in flight nobody finishes fast.
    private static let laterLimit = 512
    private static let firstLater = 16

    /// Transfers to it that run in the multi handle of all origins.
    var runningInShared = 0
    /// Its own multi handles.
    private(set) var own: [CurlMulti] = []
    /// None before this place has room.
    private var firstWithRoom = 0

    /// True when nothing of it runs or is kept.
    var isIdle: Bool { runningInShared == 0 && own.isEmpty }

    /// The first of its own multi handles that has room.
    func withRoom(in pool: TransferPool) throws(HTTPClientError) -> CurlMulti {
        while firstWithRoom < own.count {
            let multi = own[firstWithRoom]
            if multi.running < (firstWithRoom < Origin.firstLater ? Origin.limit : Origin.laterLimit) { return multi }
            firstWithRoom += 1
        }
        let made = try CurlMulti(in: pool, for: self, at: own.count)
        own.append(made)
        return made
    }

    /// Notes that a transfer has ended in one of its own.
    func hasRoom(at place: Int) {
        firstWithRoom = min(firstWithRoom, place)
    }

    /// Closes the last ones, as far as none was used since the last call.
    func trim() {
        while let last = own.last, last.running == 0, !last.wasUsed {
            last.close()
            own.removeLast()
        }
        firstWithRoom = min(firstWithRoom, own.count)
        for multi in own { multi.wasUsed = multi.running > 0 }
    }

    /// Closes all; no transfer may be left.
    func close() {
        for multi in own { multi.close() }
        own = []
        firstWithRoom = 0
    }
}
