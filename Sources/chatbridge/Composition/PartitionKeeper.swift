import EventLoop
import Journal
import Telemetry

/// Makes the partitions of `messages` ahead, where there are any: at a logger's start and twice a day.
///
/// A logger that may not make tables leaves it to `chatbridge migrate partitions`; until then DEFAULT takes what has no partition.
enum PartitionKeeper {
    /// Months ahead.
    static let months = 3
    private static let interval = Duration.seconds(12 * 3600)

    /// Starts; nil where the database is no Postgres.
    static func start(for storage: Storage, loop: EventLoop, log: Log) -> Task<Void, Never>? {
        guard case .postgres(_, let configuration) = storage else { return nil }
        return loop.spawn {
            let partitions = MessagePartitions(on: configuration)
            while !Task.isCancelled {
                do {
                    let made = try await partitions.makeAhead(months)
                    if !made.isEmpty { log.info("partitions made", ["tables": made.joined(separator: " ")]) }
                } catch {
                    log.warning(
                        "partitions cannot be made ahead; see chatbridge migrate partitions", ["error": "\(error)"])
                }
                do { try await loop.sleep(for: interval) } catch { return }
            }
        }
    }
}
