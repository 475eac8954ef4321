internal import BridgeCore
internal import JSON

/// Writes spans as OTLP's `ExportTraceServiceRequest` in its JSON form.
///
/// OTLP specification, "JSON Protobuf Encoding": identifiers are digits of base 16 instead of base 64, 64-bit numbers are
/// strings, enumerations are numbers. Spans are written one by one, so that a large batch can be written in steps.
struct OTLPEncoder {
    private let head: [UInt8]
    private static let tail = Array("]}]}]}".utf8)
    private static let comma = UInt8(ascii: ",")

    /// An encoder for spans of this process.
    init(resource: [Span.Attribute], version: String) {
        var writer = JSONWriter()
        writer.object { request in
            request.arrayField("resourceSpans") { list in
                list.object { spans in
                    spans.objectField("resource") { OTLPEncoder.write(resource, to: &$0) }
                    spans.arrayField("scopeSpans") { scopes in
                        scopes.object { scope in
                            scope.objectField("scope") {
                                $0.field("name", "chatbridge")
                                $0.field("version", version)
                            }
                            scope.arrayField("spans") { _ in }
                        }
                    }
                }
            }
        }
        // Without the closing brackets, which follow the spans.
        head = Array(writer.bytes.dropLast(OTLPEncoder.tail.count))
    }

    /// An empty request.
    func begin() -> [UInt8] { head }

    /// Adds a span to a request.
    func add(_ span: Span, to request: inout [UInt8]) {
        if request.count > head.count { request.append(OTLPEncoder.comma) }
        var writer = JSONWriter(capacity: 1024)
        writer.object { OTLPEncoder.write(span, to: &$0) }
        request += writer.bytes
    }

    /// Ends a request.
    func end(_ request: inout [UInt8]) { request += OTLPEncoder.tail }

    private static func write(_ span: Span, to object: inout JSONWriter) {
        object.field("traceId", span.context.traceID.description)
        object.field("spanId", span.context.spanID.description)
        object.field("parentSpanId", span.parent?.description)
        object.field("traceState", span.state)
        object.field("flags", span.context.isSampled ? 1 : 0)
        object.field("name", span.name)
        object.field("kind", span.kind.rawValue)
        object.field("startTimeUnixNano", nanoseconds(span.start))
        object.field("endTimeUnixNano", nanoseconds(max(span.start, span.end)))
        write(span.attributes, to: &object)
        if !span.events.isEmpty {
            object.arrayField("events") { list in
                for event in span.events {
                    list.object {
                        $0.field("timeUnixNano", nanoseconds(event.at))
                        $0.field("name", event.name)
                    }
                }
            }
        }
        if !span.links.isEmpty {
            object.arrayField("links") { list in
                for link in span.links {
                    list.object {
                        $0.field("traceId", link.traceID.description)
                        $0.field("spanId", link.spanID.description)
                        $0.field("flags", link.isSampled ? 1 : 0)
                    }
                }
            }
        }
        guard let error = span.error else { return }
        object.objectField("status") {
            $0.field("message", error)
            // STATUS_CODE_ERROR; one that did not fail leaves it unset, as libraries should.
            $0.field("code", 2)
        }
    }

    private static func write(_ attributes: [Span.Attribute], to object: inout JSONWriter) {
        guard !attributes.isEmpty else { return }
        object.arrayField("attributes") { list in
            for attribute in attributes {
                list.object { pair in
                    pair.field("key", attribute.name)
                    pair.objectField("value") { write(attribute.value, to: &$0) }
                }
            }
        }
    }

    private static func write(_ value: Span.Value, to object: inout JSONWriter) {
        switch value {
        case .string(let text): object.field("stringValue", text)
        case .integer(let number): object.field("intValue", String(number))
        case .number(let number): object.field("doubleValue", number)
        case .boolean(let truth): object.field("boolValue", truth)
        case .strings(let texts):
            object.objectField("arrayValue") { array in
                array.arrayField("values") { list in
                    for text in texts { list.object { $0.field("stringValue", text) } }
                }
            }
        }
    }

    private static func nanoseconds(_ time: Timestamp) -> String {
        // fixed64: nothing before 1970. Beyond the year 2262 nothing is right any more anyway.
        String(UInt64(max(0, time.microseconds)).multipliedReportingOverflow(by: 1000).partialValue)
    }
}
