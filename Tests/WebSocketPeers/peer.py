#!/usr/bin/env python3
"""The other side of a WebSocket connection, by the `websockets` and `wsproto` packages; scripts/test-websocket runs it.

  peer.py server PORT [CERTIFICATE KEY]   plays the cases to clients that echo, counted and numbered as Autobahn's server
                                          does (/getCaseCount, /runCase?case=N, /updateReports, after which it ends)
  peer.py client URL                      plays them to a server that echoes

Ends with 1 when a case fails. `websockets` shakes hands as server, `wsproto` as client; frames are read by `wsproto`, which
checks masks, lengths and opcodes of what it gets, and written by hand, since no library writes what is forbidden.
"""

import asyncio
import os
import ssl
import struct
import sys
from urllib.parse import parse_qs, urlsplit

from websockets.server import ServerProtocol
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request
from wsproto.frame_protocol import FrameProtocol, Opcode

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
PATIENCE = 60


class Failed(Exception):
    """The other side did not do what it should."""


def frame(opcode, payload, mask, fin=True, rsv=0, form=None, masked=None):
    """One frame; `form` forces a length of 2 or 8 bytes, `masked` a mask where there should be none or none where one is due."""
    masked = mask if masked is None else masked
    length = len(payload)
    form = form or (0 if length < 126 else 2 if length < 65536 else 8)
    bit = 0x80 if masked else 0
    head = bytes([opcode | (0x80 if fin else 0) | rsv << 4])
    if form == 0:
        head += bytes([bit | length])
    elif form == 2:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    if not masked:
        return head + payload
    key = os.urandom(4)
    stream = (key * (length // 4 + 1))[:length]
    return head + key + (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(length, "big")


class Session:
    """A connection whose handshake is done."""

    def __init__(self, reader, writer, is_client, early=b""):
        self.reader, self.writer, self.mask = reader, writer, is_client
        self.frames = FrameProtocol(client=is_client, extensions=[])
        self.queue, self.parts, self.ended = [], [], False
        self.feed(early)

    def feed(self, data):
        self.frames.receive_bytes(data)
        for got in self.frames.received_frames():
            if got.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONTINUATION):
                payload = got.payload.encode() if isinstance(got.payload, str) else bytes(got.payload)
                self.parts.append(payload)
                self.kind = got.opcode if len(self.parts) == 1 else self.kind
                if got.message_finished:
                    self.queue.append((int(self.kind), b"".join(self.parts)))
                    self.parts = []
            else:
                self.queue.append((int(got.opcode), got.payload))

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    def make(self, opcode, payload=b"", **how):
        return frame(opcode, payload, self.mask, **how)

    async def receive(self):
        """The next message or control frame; None at the end of the connection."""
        while not self.queue:
            if self.ended:
                return None
            data = await asyncio.wait_for(self.reader.read(1 << 20), PATIENCE)
            self.ended = not data
            if data:
                self.feed(data)
        return self.queue.pop(0)

    async def expect(self, *wanted):
        for one in wanted:
            got = await self.receive()
            if got != one:
                raise Failed(f"expected {short(one)}, got {short(got)}")

    async def expect_close(self, code):
        while (got := await self.receive()) is not None and got[0] != CLOSE:
            pass
        if got is None:
            raise Failed(f"expected a close frame with {code}, got the end of the connection")
        # wsproto has 1005 for a close frame without a code.
        if int(got[1][0]) != (code or 1005):
            raise Failed(f"expected a close frame with {code}, got {got[1]}")

    async def close(self, code=1000):
        await self.send(self.make(CLOSE, struct.pack(">H", code)))
        await self.expect_close(code)


def short(event):
    if event is None:
        return "the end"
    return f"{event[0]}: {event[1][:40]!r} ({len(event[1])})" if isinstance(event[1], bytes) else repr(event)


# MARK: The cases. Each is a function of a session; the other side echoes.

CASES = []


def case(name):
    def add(function):
        CASES.append((name, function))
        return function

    return add


def echoes(name, opcode, payload):
    @case(name)
    async def _(session):
        await session.send(session.make(opcode, payload))
        await session.expect((opcode, payload))
        await session.close()


for size in (0, 1, 125, 126, 127, 128, 65535, 65536, 1 << 20, 16 << 20):
    echoes(f"a text of {size} bytes", TEXT, b"*" * size)
    echoes(f"{size} random bytes", BINARY, os.urandom(size))
for text in ("hello", "κόσμε", "日本語", "🎉👩‍👩‍👧", "\x00\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff"):
    echoes(f"the text {text!a}", TEXT, text.encode())


def refused(name, code, data, before=()):
    """`data` is bytes, or a function that makes them of a session; `before` is echoed first."""

    @case(name)
    async def _(session):
        for opcode, payload in before:
            await session.send(session.make(opcode, payload))
            await session.expect((opcode, payload))
        await session.send(data(session))
        await session.expect_close(code)


for count in (1, 2, 7, 64, 1000):

    @case(f"a message in pieces of {count} bytes")
    async def _(session, count=count):
        payload = os.urandom(4096)
        pieces = [payload[at : at + count] for at in range(0, len(payload), count)]
        for index, piece in enumerate(pieces):
            opcode = BINARY if index == 0 else CONTINUATION
            await session.send(session.make(opcode, piece, fin=index == len(pieces) - 1))
        await session.expect((BINARY, payload))
        await session.close()


@case("a text cut inside its characters")
async def _(session):
    payload = "日本🎉".encode() * 10
    await session.send(session.make(TEXT, payload[:1], fin=False))
    for at in range(1, len(payload)):
        await session.send(session.make(CONTINUATION, payload[at : at + 1], fin=at == len(payload) - 1))
    await session.expect((TEXT, payload))
    await session.close()


@case("empty fragments")
async def _(session):
    await session.send(
        session.make(TEXT, fin=False) + session.make(CONTINUATION, fin=False) + session.make(CONTINUATION)
    )
    await session.expect((TEXT, b""))
    await session.close()


@case("pings between fragments, a byte at a time")
async def _(session):
    data = session.make(TEXT, b"frag", fin=False) + session.make(PING, b"one")
    data += session.make(CONTINUATION, b"ment", fin=False) + session.make(PING, b"") + session.make(CONTINUATION, b"s")
    for at in range(len(data)):
        await session.send(data[at : at + 1])
        await asyncio.sleep(0)
    await session.expect((PONG, b"one"), (PONG, b""), (TEXT, b"fragments"))
    await session.close()


for size in (0, 1, 125):

    @case(f"a ping of {size} bytes")
    async def _(session, size=size):
        payload = os.urandom(size)
        await session.send(session.make(PING, payload))
        await session.expect((PONG, payload))
        await session.close()


@case("ten pings are answered in order")
async def _(session):
    for number in range(10):
        await session.send(session.make(PING, b"%d" % number))
    await session.expect(*((PONG, b"%d" % number) for number in range(10)))
    await session.close()


@case("a pong that nobody asked for is ignored")
async def _(session):
    await session.send(session.make(PONG, b"x") + session.make(TEXT, b"a"))
    await session.expect((TEXT, b"a"))
    await session.close()


@case("a thousand messages in one write")
async def _(session):
    await session.send(b"".join(session.make(TEXT, b"%d" % number) for number in range(1000)))
    await session.expect(*((TEXT, b"%d" % number) for number in range(1000)))
    await session.close()


@case("40 MB that are read late")
async def _(session):
    payload = os.urandom(1 << 20)

    async def write():
        for _ in range(40):
            await session.send(session.make(BINARY, payload))

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.3)
    await session.expect(*((BINARY, payload) for _ in range(40)))
    await writing
    await session.close()


for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999):

    @case(f"a close frame with {code}")
    async def _(session, code=code):
        await session.close(code)


@case("a close frame with a reason of 123 bytes")
async def _(session):
    await session.send(session.make(CLOSE, struct.pack(">H", 1000) + b"r" * 123))
    await session.expect_close(1000)


@case("a close frame without a code")
async def _(session):
    await session.send(session.make(CLOSE))
    await session.expect_close(None)


for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
    refused(f"the forbidden code {code}", 1002, lambda s, code=code: s.make(CLOSE, struct.pack(">H", code)))
refused("a close frame of one byte", 1002, lambda s: s.make(CLOSE, b"\x03"))
refused("a close frame of 126 bytes", 1002, lambda s: s.make(CLOSE, struct.pack(">H", 1000) + b"r" * 124))
refused("a reason that is not UTF-8", 1007, lambda s: s.make(CLOSE, struct.pack(">H", 1000) + b"\xce\xba\xff"))

for rsv in range(1, 8):
    refused(f"reserved bits {rsv} of a text", 1002, lambda s, rsv=rsv: s.make(TEXT, b"a", rsv=rsv))
    refused(f"reserved bits {rsv} of a ping", 1002, lambda s, rsv=rsv: s.make(PING, b"a", rsv=rsv), [(TEXT, b"before")])
for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    refused(f"the reserved opcode {opcode}", 1002, lambda s, opcode=opcode: s.make(opcode, b"a"), [(TEXT, b"before")])
refused("a ping of 126 bytes", 1002, lambda s: s.make(PING, b"x" * 126))
refused("a fragmented ping", 1002, lambda s: s.make(PING, b"x", fin=False))
refused("a continuation of nothing", 1002, lambda s: s.make(CONTINUATION, b"x"))
refused("a text inside a text", 1002, lambda s: s.make(TEXT, b"x", fin=False) + s.make(TEXT, b"y"))
refused("125 in the form of 126", 1002, lambda s: s.make(BINARY, b"x" * 125, form=2))
refused("65535 in the form of 65536", 1002, lambda s: s.make(BINARY, b"x" * 65535, form=8))
refused("the wrong kind of mask", 1002, lambda s: s.make(TEXT, b"a", masked=not s.mask))
refused("a frame of 16 MiB and one byte", 1009, lambda s: s.make(BINARY, b"x" * ((16 << 20) + 1)))
refused(
    "a message of 16 MiB and one byte in two frames", 1009,
    lambda s: s.make(BINARY, b"x" * (16 << 20), fin=False) + s.make(CONTINUATION, b"x"))
for bad in (b"\xff", b"\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xce\xba\xe1"):
    refused(f"the text {bad!r}", 1007, lambda s, bad=bad: s.make(TEXT, b"good " + bad))
refused(
    "a text that is bad from its first fragment on", 1007,
    # Its end never comes: the fault must be seen before.
    lambda s: s.make(TEXT, b"\xce\xba\xf4\x90", fin=False))


@case("the end without a close frame")
async def _(session):
    await session.send(session.make(TEXT, b"a"))
    await session.expect((TEXT, b"a"))


# MARK: The two sides.


async def play(name, function, session):
    try:
        await asyncio.wait_for(function(session), PATIENCE * 2)
        return True
    except Exception as error:
        print(f"failed: {name}: {type(error).__name__} {error}", flush=True)
        return False


def conclude(results):
    failed = sum(not result for result in results)
    print(f"{len(results) - failed} cases passed, {failed} failed", flush=True)
    return 0 if results and failed == 0 else 1


async def serve(port, tls):
    results = {}
    finished = asyncio.Event()

    async def serve_one(reader, writer):
        protocol = ServerProtocol()
        while not (events := protocol.events_received()):
            data = await reader.read(65536)
            if not data:
                return
            protocol.receive_data(data)
        request = events[0]
        response = protocol.accept(request)
        protocol.send_response(response)
        for data in protocol.data_to_send():
            writer.write(data)
        if response.status_code != 101:
            print(f"failed: the handshake: {response.body!r}", flush=True)
            results[request.path] = False
            return
        session = Session(reader, writer, is_client=False)
        target = urlsplit(request.path)
        if target.path == "/getCaseCount":
            await session.send(session.make(TEXT, b"%d" % len(CASES)))
            await session.close()
        elif target.path == "/runCase":
            number = int(parse_qs(target.query)["case"][0])
            results[number] = await play(*CASES[number - 1], session)
        else:
            await session.close()
            finished.set()

    async def handle(reader, writer):
        try:
            await serve_one(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port, ssl=tls)
    async with server:
        await asyncio.wait_for(finished.wait(), 900)
    if sorted(key for key in results if isinstance(key, int)) != list(range(1, len(CASES) + 1)):
        print(f"failed: of {len(CASES)} cases {len(results)} were played", flush=True)
        return 1
    return conclude(list(results.values()))


async def open_session(url):
    target = urlsplit(url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    connection = WSConnection(ConnectionType.CLIENT)
    request = Request(host=target.netloc, target=target.path or "/", subprotocols=["echo"])
    writer.write(connection.send(request))
    while True:
        connection.receive_data(await asyncio.wait_for(reader.read(1), PATIENCE))
        for event in connection.events():
            if not isinstance(event, AcceptConnection) or event.subprotocol != "echo":
                raise Failed(f"the handshake: {event}")
            return Session(reader, writer, is_client=True)


async def drive(url):
    results = []
    for name, function in CASES:
        session = await open_session(url)
        results.append(await play(name, function, session))
        session.writer.close()
    return conclude(results)


def main():
    if sys.argv[1] == "server":
        tls = None
        if len(sys.argv) > 3:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(sys.argv[3], sys.argv[4])
        return asyncio.run(serve(int(sys.argv[2]), tls))
    return asyncio.run(drive(sys.argv[2]))


sys.exit(main())
