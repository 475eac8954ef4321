/// A token or key that must never be seen: however it is printed, logged, interpolated or reflected, its value does not
/// show.
public struct Secret: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// The secret itself, for the one place that signs or sends with it.
    public let value: String

    /// Takes a secret as its platform gave it out.
    public init(_ value: String) { self.value = value }

    /// Takes a secret that stands in the source: tests and examples only.
    public init(stringLiteral value: String) { self.value = value }

    /// Stands in for the value.
    public var description: String { "(secret)" }

    /// Stands in for the value.
    public var debugDescription: String { "(secret)" }

    /// Shows no children, so that `dump` finds nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
