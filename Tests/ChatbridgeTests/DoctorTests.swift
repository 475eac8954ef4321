import Agents
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
        #expect(findings.map(\.subject) == ["redis", "database", "open files", "agent", "web"])
        #expect(findings.allSatisfy { $0.state == .good })
        #expect(access(path, F_OK) != 0)
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
