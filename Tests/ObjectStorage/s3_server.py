"""An S3 server for tests: moto's, with every signature checked by botocore.

Usage: s3_server.py PORT ACCESS-KEY SECRET-KEY

moto answers as S3 does but takes any signature. Before it, each request is signed once more from what has arrived, by
botocore's signers, and refused as S3 refuses it when the signatures differ, when the content is not what its hash says, when a
field that must be signed is not, or when the time is past.
"""

import hashlib
import io
import sys
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import create_backend_app
from werkzeug.serving import WSGIRequestHandler, run_simple
from werkzeug.wrappers import Request, Response

REGION = "us-east-1"


class Refused(Exception):
    """A request that S3 would not take."""

    def __init__(self, status, code, message, more=""):
        super().__init__(code)
        self.response = Response(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>',
            status=status,
            content_type="application/xml",
        )


class Checked:
    """A WSGI application that lets through what is signed rightly."""

    def __init__(self, app, access_key, secret_key):
        self.app = app
        self.credentials = Credentials(access_key, secret_key)

    def __call__(self, environ, start_response):
        request = Request(environ)
        body = request.get_data(cache=True)
        environ["wsgi.input"] = io.BytesIO(body)
        try:
            target = environ["REQUEST_URI"]
            url = f"http://{request.headers['Host']}{target}"
            if "X-Amz-Signature=" in target:
                self.check_link(request.method, url)
            else:
                self.check_fields(request, url, body)
        except Refused as refusal:
            return refusal.response(environ, start_response)
        return self.app(environ, start_response)

    def check_fields(self, request, url, body):
        """A request signed by its Authorization field."""
        authorization = request.headers.get("Authorization", "")
        if not authorization.startswith("AWS4-HMAC-SHA256 "):
            raise Refused(403, "AccessDenied", "Access Denied")
        parts = dict(part.strip().split("=", 1) for part in authorization.split(" ", 1)[1].split(","))
        scope = self.check_scope(parts["Credential"])
        signed = parts["SignedHeaders"].split(";")
        present = [name.lower() for name, _ in request.headers]
        must = {"host"} | {name for name in present if name.startswith("x-amz-")} | ({"content-type"} & set(present))
        if not must <= set(signed) or not set(signed) <= set(present):
            raise Refused(403, "AccessDenied", f"not signed: {sorted(must - set(signed))}, signed and absent: "
                          f"{sorted(set(signed) - set(present))}")
        digest = request.headers.get("x-amz-content-sha256")
        if digest is None:
            raise Refused(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        if digest != hashlib.sha256(body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch", "The provided header does not match what was computed.")
        time = request.headers["X-Amz-Date"].split(",")[0]
        if time[:8] != scope[1]:
            raise Refused(403, "SignatureDoesNotMatch", "another day")
        made = datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if abs(datetime.now(timezone.utc) - made) > timedelta(minutes=15):
            raise Refused(403, "RequestTimeTooSkewed", "The difference between the request time and ours is too large.")
        fields = {name: request.headers[name] for name in signed}
        again = AWSRequest(method=request.method, url=url, headers=fields)
        self.compare(S3SigV4Auth(self.credentials, "s3", REGION), again, time, parts["Signature"])

    def check_link(self, method, url):
        """A request signed in its query."""
        query = parse_qs(urlsplit(url).query, keep_blank_values=True)
        self.check_scope(query["X-Amz-Credential"][0])
        time = query["X-Amz-Date"][0]
        made = datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if datetime.now(timezone.utc) > made + timedelta(seconds=int(query["X-Amz-Expires"][0])):
            raise Refused(403, "AccessDenied", "Request has expired")
        signature = query["X-Amz-Signature"][0]
        unsigned = url.replace(f"&X-Amz-Signature={signature}", "")
        signer = S3SigV4QueryAuth(self.credentials, "s3", REGION)
        self.compare(signer, AWSRequest(method=method, url=unsigned), time, signature)

    def check_scope(self, credential):
        key, *scope = credential.split("/")
        if key != self.credentials.access_key:
            raise Refused(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        if scope[1] != REGION:
            raise Refused(400, "AuthorizationHeaderMalformed", f"the region '{scope[1]}' is wrong; expecting '{REGION}'",
                          f"<Region>{REGION}</Region>")
        return [key, *scope]

    def compare(self, signer, request, time, signature):
        request.context["timestamp"] = time
        canonical = signer.canonical_request(request)
        expected = signer.signature(signer.string_to_sign(request, canonical), request)
        if expected != signature:
            print(f"expected {expected}, got {signature}; canonical request:\n{canonical}", file=sys.stderr, flush=True)
            raise Refused(403, "SignatureDoesNotMatch",
                          "The request signature we calculated does not match the signature you provided.")


class Handler(WSGIRequestHandler):
    """HTTP/1.1, with its `100 Continue`."""

    protocol_version = "HTTP/1.1"


def main():
    port, access_key, secret_key = sys.argv[1:]
    app = Checked(create_backend_app("s3"), access_key, secret_key)
    run_simple("127.0.0.1", int(port), app, threaded=True, request_handler=Handler)


if __name__ == "__main__":
    main()
