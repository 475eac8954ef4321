"""The platforms' side: users who write all the time, and platforms that deliver until they are acknowledged."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable

from counting import Delivery, Message
from wire import HTTPClient, HTTPServer, Request

TELEGRAM_TOKEN = "123456:chaos"
TELEGRAM_SECRET = "chaos-secret"
WEBHOOK_KEY = b"chaos-key-of-24-bytes-or-more..."
WEBHOOK_SECRET = "whsec_" + base64.b64encode(WEBHOOK_KEY).decode()


class World:
    """The servers that a bridge calls: both platforms and the agent. They never die; what they are asked is written down.

    Each bridge calls them by a path of its own. So they can end a bridge in the middle of its request: see `trap`.
    """

    def __init__(self, seed: int):
        self.chance = random.Random(seed)
        self.deliveries: list[Delivery] = []
        self.thinking = 0
        self.traps: dict[tuple[str, str], tuple[int, Callable[[], None]]] = {}
        self.telegram = HTTPServer(self.on_telegram)
        self.receiver = HTTPServer(self.on_reply)
        self.agent = HTTPServer(self.on_question)

    async def start(self) -> None:
        for server in (self.telegram, self.receiver, self.agent):
            await server.start()

    def addresses(self, bridge: str) -> dict[str, str]:
        """The variables by which a bridge finds them."""
        at = {name: f"http://127.0.0.1:{getattr(self, name).port}/{bridge}" for name in ("agent", "telegram", "receiver")}
        return {"AGENT_URL": at["agent"], "TELEGRAM_API_BASE": at["telegram"], "WEBHOOK_REPLY_URL": at["receiver"]}

    def trap(self, bridge: str, server: str, count: int, end: Callable[[], None]) -> None:
        """Calls `end` when the server has read the `count`th request of the bridge from now on, before it answers."""
        self.traps[bridge, server] = (count, end)

    def spring(self, request: Request, server: str) -> None:
        key = (request.path.split("/")[1], server)
        if key not in self.traps:
            return
        count, end = self.traps.pop(key)
        if count > 1:
            self.traps[key] = (count - 1, end)
        else:
            end()

    async def on_telegram(self, request: Request) -> tuple[int, bytes]:
        number = len(self.deliveries) + 1
        if request.path.endswith("/sendMessage"):
            body = json.loads(request.body)
            # There is no name by which Telegram would know a message that is sent again: each is shown.
            self.deliveries.append(Delivery("telegram", str(body["chat_id"]), body["text"], f"telegram-{number}"))
            self.spring(request, "telegram")
            # Long enough to die between the request and its answer.
            await asyncio.sleep(self.chance.uniform(0, 0.02))
            return 200, json.dumps({"ok": True, "result": {
                "message_id": number, "date": int(time.time()), "chat": {"id": body["chat_id"], "type": "private"},
                "text": body["text"]}}).encode()
        return 200, b'{"ok":true,"result":true}'

    async def on_reply(self, request: Request) -> tuple[int, bytes]:
        data = json.loads(request.body)["data"]
        self.deliveries.append(Delivery("webhook", data["conversation"], data["text"], request.headers["webhook-id"]))
        self.spring(request, "receiver")
        await asyncio.sleep(self.chance.uniform(0, 0.02))
        return 204, b""

    async def on_question(self, request: Request) -> tuple[int, bytes]:
        text = json.loads(request.body)["text"]
        self.spring(request, "agent")
        self.thinking += 1
        try:
            await asyncio.sleep(self.chance.uniform(0.02, 0.3))
        finally:
            self.thinking -= 1
        return 200, json.dumps({"text": f"re: {text}"}).encode()


class Load:
    """Conversations of one phase, and what was sent and acknowledged in them."""

    def __init__(self, chance: random.Random, bridges: list[HTTPClient], first: int, conversations: int, rate: float):
        self.chance = chance
        self.bridges = bridges
        self.rate = rate
        self.sent: list[Message] = []
        self.acked: set[Message] = set()
        self.refused = 0
        """Deliveries that were not acknowledged, and therefore made again."""
        self.again = 0
        """Deliveries that were made again although they had been acknowledged."""
        self.queues = {
            (("telegram", "webhook")[number % 2], str(first + number)): asyncio.Queue[Message | None]()
            for number in range(conversations)}
        self.late: set[asyncio.Task] = set()
        self.has_ended = False

    async def run(self, is_over: asyncio.Event) -> None:
        """Sends until told to stop; returns when all is acknowledged."""
        async with asyncio.TaskGroup() as group:
            for queue in self.queues.values():
                group.create_task(self.deliver_all(queue))
            await self.write(is_over)
            for queue in self.queues.values():
                queue.put_nowait(None)
        await asyncio.gather(*self.late)
        self.has_ended = True

    async def write(self, is_over: asyncio.Event) -> None:
        numbers = dict.fromkeys(self.queues, 0)
        lanes = list(self.queues)
        started = time.monotonic()
        while not is_over.is_set():
            while len(self.sent) < (time.monotonic() - started) * self.rate:
                lane = self.chance.choice(lanes)
                # People write in bursts: several questions of a conversation are in work at once.
                for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
                    numbers[lane] += 1
                    message = Message(*lane, numbers[lane])
                    self.sent.append(message)
                    self.queues[lane].put_nowait(message)
            await asyncio.sleep(0.01)

    async def deliver_all(self, queue: asyncio.Queue[Message | None]) -> None:
        while (message := await queue.get()) is not None:
            await self.deliver(message)
            self.acked.add(message)
            if self.chance.random() < 0.03:
                task = asyncio.create_task(self.deliver_late(message))
                self.late.add(task)
                task.add_done_callback(self.late.discard)

    async def deliver_late(self, message: Message) -> None:
        """Once more after the acknowledgement, as platforms do now and then."""
        await asyncio.sleep(self.chance.uniform(0, 1))
        self.again += 1
        await self.deliver(message)

    async def deliver(self, message: Message) -> None:
        """Posts to one bridge after the other until one acknowledges, with growing pauses."""
        pause = 0.05
        path, make = WEBHOOKS[message.platform]
        bridge = self.chance.randrange(len(self.bridges))
        while True:
            headers, body = make(message)
            try:
                status = await self.bridges[bridge].post(path, headers, body, timeout=5)
                if 200 <= status < 300:
                    return
                if status < 500 and status != 429:
                    raise RuntimeError(f"{message} is refused with {status}: the load is wrong")
            except (OSError, EOFError, TimeoutError):
                pass
            self.refused += 1
            await asyncio.sleep(pause * self.chance.uniform(0.5, 1))
            pause = min(pause * 2, 1)
            bridge = (bridge + 1) % len(self.bridges)


def number_of(message: Message) -> int:
    """A number of the message's own."""
    return int(message.conversation) * 100_000 + message.number


def telegram(message: Message) -> tuple[dict[str, str], bytes]:
    user = int(message.conversation)
    person = {"id": user, "first_name": f"User {user}"}
    body = {"update_id": number_of(message), "message": {
        "message_id": number_of(message) % 2_000_000_000, "date": 1_790_000_000, "text": message.text,
        "from": {**person, "is_bot": False}, "chat": {**person, "type": "private"}}}
    return {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}, json.dumps(body).encode()


def webhook(message: Message) -> tuple[dict[str, str], bytes]:
    body = json.dumps({"type": "message", "data": {
        "conversation": message.conversation, "user": f"u{message.conversation}", "text": message.text}}).encode()
    name, seconds = f"msg_{number_of(message)}", str(int(time.time()))
    signature = hmac.new(WEBHOOK_KEY, f"{name}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": name, "webhook-timestamp": seconds,
        "webhook-signature": "v1," + base64.b64encode(signature).decode()}, body


WEBHOOKS = {"telegram": ("/webhooks/telegram", telegram), "webhook": ("/webhooks/webhook", webhook)}
