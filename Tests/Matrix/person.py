"""A user of the homeserver with an ordinary client (matrix-nio), who writes and reads along."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable

from aiohttp import ClientError
from nio import AsyncClient, AsyncClientConfig, RegisterResponse, RoomCreateResponse, RoomSendResponse, SyncResponse

# The client warns of each try while the homeserver is away.
logging.getLogger("nio").setLevel(logging.ERROR)


class Person:
    """Somebody who is logged in; what happens in their rooms is in `timeline`, as it came."""

    def __init__(self, homeserver: str, name: str):
        self.client = AsyncClient(homeserver, name, config=AsyncClientConfig(encryption_enabled=False))
        self.name = name
        self.timeline: dict[str, list[dict]] = defaultdict(list)
        self.reading: asyncio.Task | None = None

    async def __aenter__(self) -> "Person":
        answer = await self.client.register(self.name, f"password of {self.name}")
        if not isinstance(answer, RegisterResponse):
            raise RuntimeError(f"{self.name} cannot register: {answer}")
        self.reading = asyncio.create_task(self.read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.reading.cancel()
        await self.client.close()

    async def read(self) -> None:
        """Follows all rooms for ever, whatever happens to the homeserver."""
        since = None
        # Without a limit of its own, ten events are shown and the rest of a burst is left out.
        everything = {"room": {"timeline": {"limit": 1000}}}
        while True:
            try:
                answer = await self.client.sync(timeout=5000, since=since, sync_filter=everything)
            except (ClientError, asyncio.TimeoutError, OSError):
                await asyncio.sleep(0.2)
                continue
            if not isinstance(answer, SyncResponse):
                await asyncio.sleep(0.2)
                continue
            since = answer.next_batch
            for room, info in answer.rooms.join.items():
                self.timeline[room] += [event.source for event in info.timeline.events]

    async def create(self, **options: object) -> str:
        answer = await self.client.room_create(**options)
        if not isinstance(answer, RoomCreateResponse):
            raise RuntimeError(f"no room: {answer}")
        return answer.room_id

    async def send(self, room: str, content: dict, kind: str = "m.room.message", name: str | None = None) -> str:
        """Sends an event until the homeserver has it, once; its id."""
        deadline = time.monotonic() + 120
        name = name or f"t{time.monotonic_ns()}"
        while time.monotonic() < deadline:
            try:
                answer = await self.client.room_send(room, kind, content, tx_id=name)
                if isinstance(answer, RoomSendResponse):
                    return answer.event_id
            except (ClientError, asyncio.TimeoutError, OSError):
                pass
            await asyncio.sleep(0.2)
        raise RuntimeError(f"cannot send {content}")

    async def say(self, room: str, text: str, **more: object) -> str:
        return await self.send(room, {"msgtype": "m.text", "body": text, **more})

    def events(self, room: str, sender: str, kind: str = "m.room.message") -> list[dict]:
        return [event for event in self.timeline[room] if event["sender"] == sender and event["type"] == kind]

    def answers(self, room: str, bot: str) -> list[dict]:
        """The contents of the bot's messages in their order, each as it was edited last."""
        contents: dict[str, dict] = {}
        for event in self.events(room, bot):
            content = event["content"]
            relation = content.get("m.relates_to", {})
            if relation.get("rel_type") == "m.replace":
                contents[relation["event_id"]] = content["m.new_content"]
            else:
                contents[event["event_id"]] = content
        return list(contents.values())


async def until(what: str, condition: Callable[[], object], patience: float = 60) -> object:
    """Waits until a condition holds; what it then gave."""
    deadline = time.monotonic() + patience
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience:.0f} s: {what}")
        await asyncio.sleep(0.05)
