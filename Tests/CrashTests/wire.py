"""HTTP/1.1 and RESP, as little of each as the harness speaks: JSON bodies with a Content-Length, connections kept alive."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Handler = Callable[["Request"], Awaitable[tuple[int, bytes]]]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """The first line, and the header fields with lower-case names."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    fields = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in fields}


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int((await reader.readline()).partition(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


class HTTPServer:
    """Answers each request by a handler, which has seen the whole body before anything goes back."""

    def __init__(self, handler: Handler):
        self.handler = handler
        self.port = 0

    async def start(self) -> None:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        self.server = server

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        without_delay(writer)
        try:
            while True:
                first, headers = await read_head(reader)
                method, path, _ = first.split(" ", 2)
                request = Request(method, path, headers, await read_body(reader, headers))
                status, body = await self.handler(request)
                writer.write(
                    b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                    % (status, len(body)) + body)
                await writer.drain()
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass  # The other side has died, which is what this is all about.
        finally:
            writer.close()


def without_delay(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class HTTPClient:
    """Posts to one server over connections that are kept alive."""

    def __init__(self, port: int):
        self.port = port
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, headers: dict[str, str], body: bytes, timeout: float) -> int:
        """The status of the answer.

        Raises OSError, EOFError or TimeoutError where there was none: a sender cannot know what became of its request then.
        """
        async with asyncio.timeout(timeout):
            reader, writer = await self.connection()
            try:
                fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                writer.write(
                    f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n{fields}"
                    f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
                first, answered = await read_head(reader)
                await read_body(reader, answered)
            except BaseException:
                writer.close()
                raise
            if answered.get("connection") == "close":
                writer.close()
            else:
                self.idle.append((reader, writer))
            return int(first.split(" ")[1])

    async def connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        without_delay(writer)
        return reader, writer

    def close(self) -> None:
        for _, writer in self.idle:
            writer.close()
        self.idle = []


class Redis:
    """A connection for looking into Redis."""

    def __init__(self, port: int):
        self.port = port

    async def __aenter__(self) -> "Redis":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, *arguments: str | int) -> object:
        parts = [str(argument).encode() for argument in arguments]
        self.writer.write(
            b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return await self.reply()

    async def reply(self) -> object:
        line = (await self.reader.readuntil(b"\r\n"))[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise ConnectionError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else (await self.reader.readexactly(int(rest) + 2))[:-2].decode(errors="replace")
        if kind == b"*":
            return None if rest == b"-1" else [await self.reply() for _ in range(int(rest))]
        return rest.decode()

    async def names(self, pattern: str) -> list[str]:
        """All keys that match, by SCAN."""
        found: set[str] = set()
        cursor = "0"
        while True:
            cursor, page = await self.send("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(page)
            if cursor == "0":
                return sorted(found)
