import Bridge
import Redis

extension HealthEndpoint.Part {
    /// Redis, by a PING.
    static func redis(_ client: RedisClient, isRequired: Bool) -> HealthEndpoint.Part {
        HealthEndpoint.Part(name: "redis", isRequired: isRequired) {
            do {
                try await client.ping()
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
