/// How a command ends, as sysexits.h numbers it.
enum ExitCode: Int32 {
    /// Done.
    case success = 0
    /// Anything that has no number of its own.
    case failure = 1
    /// Wrong usage of the command line.
    case usage = 64
    /// Bad input data.
    case dataError = 65
    /// A service that is needed cannot be reached.
    case unavailable = 69
    /// Bad configuration.
    case configuration = 78
}
