package import BridgeCore
package import HTTPCore
package import JSON

/// The Graph API's side of a conversation, for fakes of the platforms on it.
package enum GraphFake {
    /// An error as Graph words it.
    package static func error(
        _ status: HTTPStatus, code: Int64, subcode: Int64? = nil, _ message: String, details: String? = nil,
        headers: HTTPFields = [:]
    ) -> OutboundResponse {
        answer(status, headers: headers) { root in
            root.objectField("error") { error in
                error.field("message", message)
                error.field("type", "OAuthException")
                error.field("code", code)
                error.field("error_subcode", subcode)
                if let details {
                    error.objectField("error_data") { data in
                        data.field("messaging_product", "whatsapp")
                        data.field("details", details)
                    }
                }
                error.field("fbtrace_id", "AFakeTraceOfNothing")
            }
        }
    }

    /// A JSON object as an answer.
    package static func answer(
        _ status: HTTPStatus = .ok, headers: HTTPFields = [:], _ write: (inout JSONWriter) -> Void
    ) -> OutboundResponse {
        var writer = JSONWriter()
        writer.object { write(&$0) }
        var headers = headers
        headers["Content-Type"] = "application/json"
        return OutboundResponse(status: status, headers: headers, body: writer.bytes)
    }

    /// The path of a request without its version, as in `/1234/messages`.
    package static func path(of request: FakeRequest) -> Substring {
        let path = request.path
        guard path.hasPrefix("/v"), let slash = path.dropFirst().firstIndex(of: "/") else { return path }
        let version = path[path.index(path.startIndex, offsetBy: 2)..<slash]
        return version.allSatisfy { $0.isNumber || $0 == "." } ? path[slash...] : path
    }
}
