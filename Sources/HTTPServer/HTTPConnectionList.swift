/// Connections in one state, the one that has been in it for longest first.
///
/// A list through the connections themselves: to join, to leave and to find the oldest cost the same however many there are. It
/// keeps none of them alive: the server does, and a connection leaves its list when it closes.
struct HTTPConnectionList {
    /// A connection's place in the one list that it is in.
    struct Place {
        unowned(unsafe) fileprivate var previous: HTTPConnection?
        unowned(unsafe) fileprivate var next: HTTPConnection?
    }

    unowned(unsafe) private(set) var oldest: HTTPConnection?
    unowned(unsafe) private var newest: HTTPConnection?

    /// Adds a connection, which must be in no list, as the newest.
    mutating func append(_ connection: HTTPConnection) {
        connection.place = Place(previous: newest, next: nil)
        if let newest { newest.place.next = connection } else { oldest = connection }
        newest = connection
    }

    /// Takes out a connection, which must be in this list.
    mutating func remove(_ connection: HTTPConnection) {
        let (previous, next) = (connection.place.previous, connection.place.next)
        if let previous { previous.place.next = next } else { oldest = next }
        if let next { next.place.previous = previous } else { newest = previous }
        connection.place = Place()
    }
}
