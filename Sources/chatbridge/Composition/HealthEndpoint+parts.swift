import Bridge
import Redis

extension HealthEndpoint.Part {
    /// Redis, by a PING.
    static func redis(_ clients: [RedisClient], isRequired: Bool) -> HealthEndpoint.Part {
        HealthEndpoint.Part(name: "redis", isRequired: isRequired) {
            do {
                for client in clients { try await client.ping() }
                return .init(isHealthy: true, detail: "ok")
            } catch {
                return .init(isHealthy: false, detail: "\(error)")
            }
        }
    }

    /// The database, by a question about its tables.
    static func database(_ storage: Storage, isRequired: Bool) -> HealthEndpoint.Part {
        HealthEndpoint.Part(name: "database", isRequired: isRequired) {
            do {
                try await storage.ping()
                return .init(isHealthy: true, detail: storage.name)
            } catch {
                return .init(isHealthy: false, detail: "\(error)")
            }
        }
    }
}
