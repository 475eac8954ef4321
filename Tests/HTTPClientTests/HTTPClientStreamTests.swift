import EventLoop
import Glibc
import HTTPClient
import HTTPCore
import Synchronization
import Testing

@Suite struct HTTPClientStreamTests {
    @Test func `the head comes before the content, and pieces come as the server sends them`() throws {
        let step = (0..<3).map { _ in Signal() }
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for (index, signal) in step.enumerated() {
                guard signal.wait() else { return }
                connection.write("1\r\n\(index)\r\n")
            }
            connection.write("0\r\n\r\n")
        }
        defer { server.stop() }
        let pieces = try withClient { client in
            let stream = try await client.stream(HTTPClientRequest(url: server.url()))
            #expect(stream.status == .ok && stream.headers["content-type"] == "text/event-stream")
            step[0].raise()
            var pieces: [String] = []
            for try await piece in stream.body {
                pieces.append(String(decoding: piece, as: UTF8.self))
                if pieces.count < 3 { step[pieces.count].raise() }
            }
            return pieces
        }
        #expect(pieces == ["0", "1", "2"])
    }

    @Test func `an answer without content ends at once`() throws {
        let server = ScriptedServer { connection in
            while connection.request() != nil { connection.answer("", status: "204 No Content") }
        }
        defer { server.stop() }
        let bytes = try withClient { try await $0.stream(HTTPClientRequest(url: server.url())).body.collect() }
        #expect(bytes.isEmpty)
    }

    @Test func `a slow reader makes the server wait instead of filling memory`() throws {
        let total = 100 << 20
        let pushed = Atomic<Int>(0)
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let block = [UInt8](repeating: 0x61, count: 1 << 20)
            while pushed.load(ordering: .relaxed) < total {
                guard connection.write(block) else { return }
                pushed.add(block.count, ordering: .relaxed)
            }
        }
        defer { server.stop() }
        try withClient { client in
            let stream = try await client.stream(
                HTTPClientRequest(url: server.url(), timeouts: .init(idle: .seconds(2)), maxResponseBytes: total)
            )
            var iterator = stream.body.makeAsyncIterator()
            var received = try await iterator.next()?.count ?? 0
            // While nobody reads, what the server can push settles at the socket buffers and ours; longer than the idle
            // limit, which is not for readers.
            var before = -1
            var polls = 0
            while before != pushed.load(ordering: .relaxed), polls < 40 {
                before = pushed.load(ordering: .relaxed)
                polls += 1
                try await client.loop.sleep(for: .milliseconds(2200))
            }
            #expect(before < 30 << 20)
            var largest = 0
            while let piece = try await iterator.next() {
                received += piece.count
                largest = max(largest, piece.count)
            }
            #expect(received == total)
            #expect(largest <= 512 << 10)
        }
    }

    @Test func `a stream dropped half-read closes the connection`() throws {
        let closed = Signal()
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            if connection.waitForClose() { closed.raise() }
        }
        defer { server.stop() }
        try withClient { client in
            do {
                let stream = try await client.stream(HTTPClientRequest(url: server.url()))
                for try await piece in stream.body {
                    #expect(piece == Array("abc".utf8))
                    break
                }
            }
            #expect(await closed.wait(on: client.loop))
        }
    }

    @Test func `a stream never read closes the connection when it is released`() throws {
        let closed = Signal()
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            if connection.waitForClose() { closed.raise() }
        }
        defer { server.stop() }
        try withClient { client in
            _ = try await client.stream(HTTPClientRequest(url: server.url()))
            #expect(await closed.wait(on: client.loop))
        }
    }

    @Test(arguments: ["before the head", "inside the content", "before it starts"])
    func `cancelling the task closes the connection`(moment: String) throws {
        let asked = Signal()
        let closed = Signal()
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            if moment == "inside the content" { connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n") }
            asked.raise()
            if connection.waitForClose() { closed.raise() }
        }
        defer { server.stop() }
        try withClient { client in
            let code = Mutex<HTTPClientError.Code?>(nil)
            let task = client.loop.spawn {
                do {
                    let stream = try await client.stream(HTTPClientRequest(url: server.url()))
                    _ = try await stream.body.collect()
                } catch {
                    code.withLock { $0 = (error as? HTTPClientError)?.code }
                }
            }
            if moment != "before it starts" { #expect(await asked.wait(on: client.loop)) }
            task.cancel()
            await task.value
            #expect(code.withLock { $0 } == .cancelled)
            if moment != "before it starts" { #expect(await closed.wait(on: client.loop)) }
        }
    }

    @Test func `a cancelled request closes the connection and leaves the others alone`() throws {
        let asked = Signal()
        let closed = Signal()
        let server = ScriptedServer { connection in
            while let (head, _) = connection.request() {
                if head.contains("/wait") {
                    asked.raise()
                    if connection.waitForClose() { closed.raise() }
                    return
                }
                connection.answer("ok")
            }
        }
        defer { server.stop() }
        try withClient { client in
            let task = client.loop.spawn {
                let error = await failure(of: client, HTTPClientRequest(url: server.url("/wait")))
                #expect(error?.code == .cancelled && error?.mayHaveBeenProcessed == true)
            }
            #expect(await asked.wait(on: client.loop))
            task.cancel()
            await task.value
            #expect(await closed.wait(on: client.loop))
            let status = try await client.send(HTTPClientRequest(url: server.url("/go"))).status
            #expect(status == .ok)
        }
    }

    @Test func `what came before a cut is read, then the error`() throws {
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        }
        defer { server.stop() }
        try withClient { client in
            let stream = try await client.stream(HTTPClientRequest(url: server.url()))
            var text = ""
            var code: HTTPClientError.Code?
            do {
                for try await piece in stream.body { text += String(decoding: piece, as: UTF8.self) }
            } catch {
                code = (error as? HTTPClientError)?.code
            }
            #expect(text == "half")
            #expect(code == .connectionCut(insideAnswer: true))
        }
    }

    @Test func `a streamed answer over the limit ends in an error`() throws {
        let server = ScriptedServer { connection in
            guard connection.request() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\n\r\n")
            let block = [UInt8](repeating: 0x61, count: 64 << 10)
            while connection.write(block) {}
        }
        defer { server.stop() }
        try withClient { client in
            let stream = try await client.stream(HTTPClientRequest(url: server.url(), maxResponseBytes: 1 << 20))
            var received = 0
            await #expect(throws: HTTPClientError.self) {
                for try await piece in stream.body { received += piece.count }
            }
            #expect(received <= 1 << 20)
        }
    }
}
