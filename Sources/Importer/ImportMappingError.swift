/// What is wrong with a mapping: every problem, each with its place and the cure.
public struct ImportMappingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence a problem.
    public var problems: [String]

    /// The problems, a line each.
    public var description: String { problems.joined(separator: "\n") }
}
