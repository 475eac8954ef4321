import Agents
import BridgeCore
import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import Testing

@testable import chatbridge

struct DoctorTests {
    @Test func `with nothing configured all is well, and no database is made by looking for it`() throws {
        let path = "/tmp/chatbridge-doctor-\(getpid()).db"
        let loaded = ConfigurationLoader.load(
            // Few enough connections for the open files of any machine.
            environment: ["DATABASE_URL": "sqlite:\(path)", "MAX_CONNECTIONS": "16"], file: nil, isWebDefault: true)
        let loop = try EventLoop()
        let findings = try loop.run {
            await Doctor(product: loaded.product, loop: loop, client: HTTPClient(loop: loop)).examine()
        }
        #expect(
            findings.map(\.subject) == [
                "redis", "queue", "dead letters", "database", "open files", "disk", "spool", "clock", "agent", "web",
            ])
        #expect(findings.allSatisfy { $0.state == .good })
        #expect(access(path, F_OK) != 0)
    }

    @Test(
        arguments: [
            // Free bytes, the spool's limit.
            (10 << 30, 256 << 20, .good), (300 << 20, 256 << 20, .warning), (10 << 20, 256 << 20, .bad),
        ] as [(Int, Int, Doctor.Finding.State)])
    func `a disk has room for the spool, or something is to be done`(free: Int, limit: Int, state: Doctor.Finding.State)
    {
        let finding = Doctor.judge(free: free, folder: "./spool", spool: limit)
        #expect(finding.state == state)
        #expect((finding.remedy == nil) == (state == .good))
    }

    @Test(
        arguments: [
            (0, 0, 0, .good), (5, 0, 1, .good), (5, 0, 0, .bad), (0, 5, 0, .bad), (200_000, 0, 2, .warning),
        ] as [(Int, Int, Int, Doctor.Finding.State)])
    func `a queue that nobody takes from is a fault`(
        depth: Int, claimed: Int, loggers: Int, state: Doctor.Finding.State
    ) {
        let finding = Doctor.judge(depth: depth, claimed: claimed, loggers: loggers)
        #expect(finding.state == state)
        #expect((finding.remedy == nil) == (state == .good))
    }

    @Test(
        arguments: [
            ([("Redis", .zero), ("Postgres", .milliseconds(-900))], .good, "agrees with Redis and Postgres"),
            ([("Redis", .seconds(61))], .warning, "Redis is 61 s ahead"),
            ([("Redis", .zero), ("Postgres", .seconds(-7))], .warning, "Postgres is 7 s behind"),
        ] as [([(String, Duration)], Doctor.Finding.State, String)])
    func `clocks that differ are told of`(others: [(String, Duration)], state: Doctor.Finding.State, words: String) {
        let finding = Doctor.judge(clocks: others.map { (name: $0.0, ahead: $0.1) }, now: .now())
        #expect(finding.state == state && finding.detail == words)
    }

    @Test func `a clock that was never set is a fault`() {
        #expect(Doctor.judge(clocks: [], now: Timestamp(seconds: 86_400)).state == .bad)
    }

    @Test(arguments: [(0, 0, .good), (1, 0, .warning), (0, 1, .warning)] as [(Int, Int, Doctor.Finding.State)])
    func `dead letters are told of, with the command that shows them`(
        log: Int, deliveries: Int, state: Doctor.Finding.State
    ) {
        let finding = Doctor.judge(dead: (log, deliveries))
        #expect(finding.state == state)
        #expect(finding.remedy?.contains("chatbridge dead list") ?? true)
    }

    @Test(
        arguments: [
            (.http(HTTPAgentConfiguration(url: "http://h")), 200, .good),
            // An endpoint that takes POST alone, as it should.
            (.http(HTTPAgentConfiguration(url: "http://h")), 405, .good),
            (.http(HTTPAgentConfiguration(url: "http://h")), 501, .good),
            (.http(HTTPAgentConfiguration(url: "http://h")), 502, .warning),
            (.http(HTTPAgentConfiguration(url: "http://h")), 401, .bad),
            (.mastra(MastraConfiguration(endpoint: "http://h/api", agentID: "a")), 404, .bad),
            (.mastra(MastraConfiguration(endpoint: "http://h/api", agentID: "a")), 200, .good),
            (.openAI(OpenAIConfiguration(baseURL: "http://h/v1", model: "m")), 403, .bad),
            (.responses(OpenAIConfiguration(baseURL: "http://h/v1", model: "m")), 200, .good),
            (.agui(HTTPAgentConfiguration(url: "http://h/run")), 405, .good),
            (.agui(HTTPAgentConfiguration(url: "http://h/run")), 403, .bad),
        ] as [(ProductConfiguration.AgentChoice, Int, Doctor.Finding.State)])
    func `what an agent answers to a question without effect says how it is`(
        agent: ProductConfiguration.AgentChoice, status: Int, state: Doctor.Finding.State
    ) throws {
        let check = try #require(AgentCheck(agent))
        let response = HTTPClientResponse(status: HTTPStatus(status), headers: [:], body: [])
        #expect(check.interpret(response).state == state)
    }
}
