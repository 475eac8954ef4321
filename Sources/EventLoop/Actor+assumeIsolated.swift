extension Actor {
    /// Calls a function isolated to this actor, from code that runs on the loop to which the actor is pinned.
    ///
    /// The same as the standard library's `assumeIsolated`, which asks the actor for its executor, that for its equality with
    /// the current one, and the main actor too: 300 instructions a call, and a message makes a dozen.
    ///
    /// Stops the program when called off the loop.
    @inlinable public nonisolated func assumeIsolated<Value>(
        on loop: EventLoop, _ operation: (isolated Self) throws -> Value
    ) rethrows -> Value {
        loop.preconditionCurrent()
        #if DEBUG
            preconditionIsolated("the actor is pinned to another executor")
        #endif
        return try withoutActuallyEscaping(operation) { operation in
            // What the standard library does as well: isolation is nothing at run time but where code runs.
            try unsafeBitCast(operation, to: ((Self) throws -> Value).self)(self)
        }
    }
}
