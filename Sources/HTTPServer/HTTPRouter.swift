public import HTTPCore

/// Finds the handler of a request by its method and path.
///
/// A pattern is a path whose segments are taken as they are or, begun by `:`, stand for one segment each: `/webhooks/:platform`. A last
/// segment begun by `*` stands for all that follows, at least one segment: `/webhooks/:platform/*rest`.
/// Paths without parameters are looked up first, then patterns in the order they were added. HEAD is answered by the handler of
/// GET where it has none of its own. What is not found is answered 404, a wrong method 405 with `Allow`.
public struct HTTPRouter: Sendable {
    /// Decides at once; see ``HTTPResult``.
    public typealias Decider = @Sendable (HTTPRequest, HTTPPathParameters) -> HTTPResult
    /// Answers in a task.
    public typealias Handler = @Sendable (HTTPRequest, HTTPPathParameters) async -> HTTPResponse

    private enum Segment: Sendable {
        case literal([UInt8])
        case parameter(String)
        case rest(String)
    }

    private struct Route: Sendable {
        let method: HTTPMethod
        let pattern: String
        let segments: [Segment]
        let decide: Decider
    }

    private var fixed: [Route] = []
    private var patterns: [Route] = []

    /// A router without routes.
    public init() {}

    /// Adds a route whose handler decides at once, without a task; a pattern that does not begin with `/` is a mistake.
    public mutating func decide(_ method: HTTPMethod, _ pattern: String, _ decider: @escaping Decider) {
        precondition(pattern.utf8.first == UInt8(ascii: "/"), "a route's pattern begins with /")
        let segments = pattern.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { segment -> Segment in
                let name = String(decoding: segment.dropFirst(), as: UTF8.self)
                return switch segment.first {
                case UInt8(ascii: ":"): .parameter(name)
                case UInt8(ascii: "*"): .rest(name)
                default: .literal(Array(segment))
                }
            }
        let route = Route(method: method, pattern: pattern, segments: segments, decide: decider)
        let hasParameters = segments.contains { if case .literal = $0 { false } else { true } }
        if hasParameters { patterns.append(route) } else { fixed.append(route) }
    }

    /// Adds a route whose handler runs in a task, cancelled when the client goes away.
    public mutating func handle(_ method: HTTPMethod, _ pattern: String, _ handler: @escaping Handler) {
        decide(method, pattern) { request, parameters in .later { await handler(request, parameters) } }
    }

    /// Answers a request by its route: give this to ``HTTPServer`` as its handler.
    public func respond(to request: HTTPRequest) -> HTTPResult {
        if let result = respond(to: request, as: request.method) { return result }
        if request.method == .head, let result = respond(to: request, as: .get) { return result }
        let allowed = allowedMethods(of: request.path)
        guard !allowed.isEmpty else {
            return .now(.error(.notFound, code: "not_found", message: "There is nothing at this path."))
        }
        return .now(
            .error(
                .methodNotAllowed, code: "method_not_allowed", message: "The path does not take this method.",
                headers: ["Allow": allowed.joined(separator: ", ")]))
    }

    private func respond(to request: HTTPRequest, as method: HTTPMethod) -> HTTPResult? {
        for route in fixed where route.pattern == request.path && route.method == method {
            return route.decide(request, HTTPPathParameters())
        }
        for route in patterns where route.method == method {
            if let parameters = HTTPRouter.match(route, request.path) { return route.decide(request, parameters) }
        }
        return nil
    }

    private static func match(_ route: Route, _ path: String) -> HTTPPathParameters? {
        var parameters = HTTPPathParameters()
        var rest = path.utf8.dropFirst()
        for (index, segment) in route.segments.enumerated() {
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            let isLast = index == route.segments.count - 1
            if isLast, case .rest(let name) = segment, !rest.isEmpty {
                parameters.append(name, HTTPPercentEncoding.decode(rest))
                return parameters
            }
            guard isLast == (end == rest.endIndex) else { return nil }
            let text = rest[..<end]
            switch segment {
            case .literal(let literal):
                guard text.elementsEqual(literal) else { return nil }
            case .parameter(let name):
                guard !text.isEmpty else { return nil }
                parameters.append(name, HTTPPercentEncoding.decode(text))
            case .rest:
                return nil
            }
            rest = isLast ? rest[end...] : rest[rest.index(after: end)...]
        }
        return parameters
    }

    private func allowedMethods(of path: String) -> [String] {
        var methods: [String] = []
        for route in fixed where route.pattern == path { methods.append(route.method.rawValue) }
        for route in patterns where HTTPRouter.match(route, path) != nil { methods.append(route.method.rawValue) }
        if methods.contains("GET") { methods.append("HEAD") }
        return Set(methods).sorted()
    }
}

/// The values that a route's pattern took from a path, percent-decoded.
public struct HTTPPathParameters: Sendable {
    private var pairs: [(name: String, value: String)] = []

    /// No values, as on a route without parameters.
    public init() {}

    mutating func append(_ name: String, _ value: String) {
        pairs.append((name, value))
    }

    /// The value of the segment that the pattern names `:name`; nil when it names none so.
    public subscript(name: String) -> String? {
        pairs.first { $0.name == name }?.value
    }
}
