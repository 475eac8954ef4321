import Telemetry

extension ProductConfiguration {
    /// The process's own log, on standard error.
    var log: Log {
        let isText = isLogText ?? Terminal.isTerminal(2)
        return Log(minimum: logLevel, format: isText ? .text(isColored: Terminal.isColored(2)) : .json)
    }
}
