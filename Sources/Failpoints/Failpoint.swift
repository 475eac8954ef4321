/// A named step of a message's way at which a test may have the process die.
///
/// In the product there are none: `reach` is inlined and empty, and not even the names are in the program. A build with
/// `CHATBRIDGE_FAILPOINTS=1` in its environment reads `CHATBRIDGE_FAILPOINT`, which says where the process is to die:
/// `name:count` when it comes to that step for the `count`th time, `name:probability:seed` (a probability with a decimal
/// point, as `0.01`) each time by chance. `scripts/chaos` uses it; docs/reliability.md shows what came of it.
///
/// A name begins with the process that it is for, `bridge` or `logger`, and is written where it is reached: the harness reads
/// the names from the sources.
public enum Failpoint {
    /// Dies here, by `SIGKILL`, if this is the step and the time for it.
    @inlinable @inline(__always)
    public static func reach(_ name: StaticString) {
        #if CHATBRIDGE_FAILPOINTS
            FailpointOrder.given?.dieIfDue(at: name)
        #endif
    }
}
