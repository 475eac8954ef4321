/// One statement with its parameters, for a pipeline.
public struct PostgresStatement: Sendable {
    /// The SQL with `$1`, `$2` … where parameters go; one statement only.
    ///
    /// Prepared once per connection and text.
    public let sql: String
    /// The parameters in order.
    public let parameters: [PostgresValue]

    /// Pairs a statement with its parameters.
    public init(_ sql: String, _ parameters: [PostgresValue] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}
