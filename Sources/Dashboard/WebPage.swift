internal import CWebPage
internal import HTTPCore
public import HTTPServer

/// The chat page: a few static files inside the binary, answered from memory.
///
/// The page speaks with `POST /api/messages`; whose conversation it is, a cookie says that the caller of this type sets on
/// the response for `/` when the request has none, and anew for `/?new`, with which the page begins another conversation.
public enum WebPage {
    /// The paths of the page's files: routes for `GET`.
    public static var paths: [String] { assets.map(\.path) }

    /// Answers a request for one of the files, 304 when the browser has it already; nil for any other path.
    public static func response(to request: HTTPRequest) -> HTTPResponse? {
        guard let asset = assets.first(where: { $0.path == request.path }) else { return nil }
        let isKnown = request.headers.values(of: "If-None-Match").contains { asset.isNamed(in: $0) }
        guard isKnown else {
            var headers = asset.headers
            headers.append("Content-Type", asset.contentType)
            return HTTPResponse(.ok, headers: headers, body: .bytes(asset.bytes))
        }
        return HTTPResponse(HTTPStatus(304), headers: asset.headers)
    }

    private static let assets: [WebAsset] = {
        var count: UInt = 0
        return UnsafeBufferPointer(start: cb_web_assets(&count), count: Int(count)).map { asset in
            WebAsset(
                path: String(cString: asset.path), contentType: String(cString: asset.content_type),
                bytes: Array(UnsafeBufferPointer(start: asset.bytes, count: Int(asset.count))))
        }
    }()
}
