/// A bounded map that forgets what was not used for longest, in two generations.
///
/// What is used moves to the young generation; when that is full it becomes the old one and the old one is forgotten. So
/// between `capacity` and twice `capacity` is kept, at the cost of a dictionary and with no list to maintain.
struct GenerationalCache<Key: Hashable, Value> {
    private let capacity: Int
    private let weight: @Sendable (Value) -> Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private var youngWeight = 0

    /// - Parameters:
    ///   - capacity: the weight that one generation holds.
    ///   - weight: what an entry counts for; one unless given.
    init(capacity: Int, weight: @escaping @Sendable (Value) -> Int = { _ in 1 }) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.weight = weight
    }

    var count: Int { young.count + old.count }

    subscript(key: Key) -> Value? {
        mutating get {
            if let value = young[key] { return value }
            guard let value = old.removeValue(forKey: key) else { return nil }
            insert(value, for: key)
            return value
        }
        set {
            old.removeValue(forKey: key)
            if let newValue { return insert(newValue, for: key) }
            if let value = young.removeValue(forKey: key) { youngWeight -= weight(value) }
        }
    }

    private mutating func insert(_ value: Value, for key: Key) {
        let added = weight(value)
        if let replaced = young.updateValue(value, forKey: key) { youngWeight -= weight(replaced) }
        youngWeight += added
        guard youngWeight > capacity, young.count > 1 else { return }
        young.removeValue(forKey: key)
        old = young
        // At its size already, since growing is what makes a dictionary's insertions uneven.
        young.removeAll(keepingCapacity: true)
        young[key] = value
        youngWeight = added
    }
}

extension GenerationalCache: Sendable where Key: Sendable, Value: Sendable {}
