import BridgeCore
import JSON
import Testing

@testable import Tracing

struct OTLPEncoderTests {
    private static func context(_ span: UInt64, isSampled: Bool = true) throws -> TraceContext {
        TraceContext(
            traceID: try #require(.init(high: 0x4BF9_2F35_77B3_4DA6, low: 0xA3CE_929D_0E0E_4736)),
            spanID: try #require(.init(bits: span)), isSampled: isSampled)
    }

    private static func encode(_ spans: [Span]) throws -> JSONView {
        let encoder = OTLPEncoder(
            resource: [.init("service.name", "chatbridge"), .init("deployment.environment.name", "a \"test\"")],
            version: "1.2.3")
        var bytes = encoder.begin()
        for span in spans { encoder.add(span, to: &bytes) }
        encoder.end(&bytes)
        return try JSONView(parsing: bytes)
    }

    @Test func `a span is written as OTLP's JSON wants it`() throws {
        let start = Timestamp(microseconds: 1_763_726_400_123_456)
        let span = Span(
            "invoke_agent mastra", kind: .client, context: try Self.context(1), parent: .init(bits: 2), state: "a=1",
            from: start, to: start.advanced(by: .milliseconds(250)), events: [.init("first_byte", at: start)],
            links: [try Self.context(3)], error: "timeout")
        let view = try Self.encode([span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        #expect(view["traceId"].string == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(view["spanId"].string == "0000000000000001")
        #expect(view["parentSpanId"].string == "0000000000000002")
        #expect(view["traceState"].string == "a=1")
        #expect(view["name"].string == "invoke_agent mastra")
        #expect(view["kind"].int == 3)
        #expect(view["startTimeUnixNano"].string == "1763726400123456000")
        #expect(view["endTimeUnixNano"].string == "1763726400373456000")
        #expect(view["events"][0]["name"].string == "first_byte")
        #expect(view["events"][0]["timeUnixNano"].string == "1763726400123456000")
        #expect(view["links"][0]["spanId"].string == "0000000000000003")
        #expect(view["status"]["code"].int == 2)
        #expect(view["status"]["message"].string == "timeout")
    }

    @Test(arguments: [
        (Span.Value.string("a \"b\"\u{1}"), #"{"stringValue":"a \"b\"\u0001"}"#),
        (.integer(-7), #"{"intValue":"-7"}"#), (.integer(.max), #"{"intValue":"9223372036854775807"}"#),
        (.number(0.5), #"{"doubleValue":0.5}"#), (.boolean(true), #"{"boolValue":true}"#),
        (.strings(["stop"]), #"{"arrayValue":{"values":[{"stringValue":"stop"}]}}"#),
        (.strings([]), #"{"arrayValue":{"values":[]}}"#),
    ])
    func `every kind of value has its name`(value: Span.Value, json: String) throws {
        let now = Timestamp.now()
        let span = Span(
            "x", kind: .internal, context: try Self.context(1), parent: nil, from: now, to: now,
            attributes: [.init("key", value)])
        let attribute = try Self.encode([span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"][0]
        #expect(attribute["key"].string == "key")
        var writer = JSONWriter()
        writer.value(attribute["value"])
        #expect(String(decoding: writer.bytes, as: UTF8.self) == json)
    }

    @Test func `the resource, the scope and all spans are there, in order`() throws {
        let now = Timestamp.now()
        let spans = try (1...5).map {
            Span("span \($0)", kind: .server, context: try Self.context(UInt64($0)), parent: nil, from: now, to: now)
        }
        let root = try Self.encode(spans)
        #expect(root["resourceSpans"].count == 1)
        let attributes = root["resourceSpans"][0]["resource"]["attributes"]
        #expect(attributes[0]["key"].string == "service.name")
        #expect(attributes[0]["value"]["stringValue"].string == "chatbridge")
        #expect(attributes[1]["value"]["stringValue"].string == "a \"test\"")
        let scope = root["resourceSpans"][0]["scopeSpans"][0]
        #expect(scope["scope"]["version"].string == "1.2.3")
        #expect(scope["spans"].elements.map { $0["name"].string } == (1...5).map { "span \($0)" })
        #expect(!scope["spans"][0]["parentSpanId"].exists)
        #expect(!scope["spans"][0]["status"].exists)
        #expect(try Self.encode([])["resourceSpans"][0]["scopeSpans"][0]["spans"].count == 0)
    }

    @Test func `a span that ends before it began, since the clock was set back, has no length`() throws {
        let now = Timestamp.now()
        let span = Span(
            "x", kind: .internal, context: try Self.context(1), parent: nil, from: now,
            to: now.advanced(by: .seconds(-1)))
        let view = try Self.encode([span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        #expect(view["startTimeUnixNano"].string == view["endTimeUnixNano"].string)
    }
}
