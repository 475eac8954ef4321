/// A place between two rows of a source's order, as text that a checkpoint can keep.
///
/// What the text says is the source's own business; one that it did not write is refused with ``ImportSourceError``.
public struct ImportPosition: Sendable, Hashable, LosslessStringConvertible {
    /// The text form: one line of JSON.
    public let description: String

    /// A position from its text form.
    public init(_ description: String) {
        self.description = description
    }
}
