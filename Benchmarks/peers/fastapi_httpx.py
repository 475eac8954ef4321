# A bridge as many would write it: FastAPI on uvicorn, httpx and redis-py.
import asyncio, json, os, time
from contextlib import asynccontextmanager
import httpx, uvicorn
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel, Field
from redis.asyncio import Redis

env = os.environ.get
SECRET = env('WEBHOOK_SECRET', 'bench-secret')
AGENT = env('AGENT_URL', 'http://127.0.0.1:18111') + '/api/agents/bench/generate'
SEND = f"{env('TELEGRAM_API', 'http://127.0.0.1:18081')}/bot{env('BOT_TOKEN', '123456:bench-token')}/sendMessage"


class User(BaseModel):
    id: int
    username: str | None = None
    first_name: str | None = None


class Chat(BaseModel):
    id: int
    type: str | None = None


class Message(BaseModel):
    message_id: int
    from_: User | None = Field(None, alias='from')
    chat: Chat
    date: int
    text: str | None = None


class Update(BaseModel):
    update_id: int
    message: Message | None = None


locks: dict[int, asyncio.Lock] = {}
tasks: set[asyncio.Task] = set()
jobs: asyncio.Queue = asyncio.Queue(50_000)


async def write_log():
    while True:
        job = await jobs.get()
        try:
            await redis.lpush('chatbridge:log', job)
        except Exception as e:
            print('log', e)


def record(**job):
    try:
        jobs.put_nowait(json.dumps(job, ensure_ascii=False))
    except asyncio.QueueFull:
        pass


@asynccontextmanager
async def lifespan(app):
    global client, redis
    client = httpx.AsyncClient(
        timeout=60,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=2048, keepalive_expiry=60),
        trust_env=False,
    )
    redis = Redis(host='127.0.0.1', port=int(env('REDIS_PORT', '16379')))
    tasks.add(asyncio.create_task(write_log()))
    yield
    await client.aclose()


app = FastAPI(lifespan=lifespan)


async def handle(u: Update):
    m = u.message
    try:
        async with locks.setdefault(m.chat.id, asyncio.Lock()):  # asyncio.Lock is fair: first come, first served
            thread, user, now = f'telegram:{m.chat.id}', str(m.from_.id if m.from_ else m.chat.id), time.time()
            record(
                id=f'{thread}:{m.message_id}',
                platform='telegram',
                conversationId=thread,
                messageId=str(m.message_id),
                direction='inbound',
                sender=m.from_.model_dump() if m.from_ else None,
                text=m.text,
                type='text',
                attachments=[],
                timestamps={'sent': m.date, 'logged': now},
                metadata={'updateId': u.update_id, 'thread': thread, 'agent': 'bench'},
            )
            r = await client.post(
                AGENT,
                json={
                    'messages': [{'role': 'user', 'content': m.text}],
                    'memory': {'thread': thread, 'resource': user},
                },
            )
            r.raise_for_status()
            reply = r.json()
            r = await client.post(SEND, json={'chat_id': m.chat.id, 'text': reply['text']})
            r.raise_for_status()
            now, mid = time.time(), r.json()['result']['message_id']
            record(
                id=f'{thread}:{mid}',
                platform='telegram',
                conversationId=thread,
                messageId=str(mid),
                direction='outbound',
                sender={'id': 'bot', 'username': 'bench_bot', 'name': 'Bench'},
                text=reply['text'],
                type='text',
                attachments=[],
                timestamps={'sent': now, 'logged': now},
                metadata={
                    'replyTo': m.message_id,
                    'thread': thread,
                    'agent': 'bench',
                    'finishReason': reply.get('finishReason'),
                    'usage': reply.get('usage'),
                },
            )
    except Exception as e:
        print('message', repr(e))


@app.post('/webhooks/telegram')
async def webhook(update: Update, x_telegram_bot_api_secret_token: str = Header('')):
    if x_telegram_bot_api_secret_token != SECRET:
        raise HTTPException(401)
    if update.message and update.message.text:
        t = asyncio.create_task(handle(update))
        tasks.add(t)
        t.add_done_callback(tasks.discard)
    return {'ok': True}


uvicorn.run(
    app,
    host='127.0.0.1',
    port=int(env('PORT', '18080')),
    log_level='error',
    access_log=False,
    backlog=4096,
    timeout_keep_alive=65,
)
