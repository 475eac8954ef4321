# A bridge in python-telegram-bot's own webhook application, its base_url pointed at the harness; httpx for the agent.
import asyncio, json, logging, os, time
import httpx
from redis.asyncio import Redis
from telegram import Update
from telegram.ext import Application, BaseUpdateProcessor, MessageHandler, filters
from telegram.request import HTTPXRequest

env = os.environ.get
AGENT = env('AGENT_URL', 'http://127.0.0.1:18111') + '/api/agents/bench/generate'
TOKEN = env('BOT_TOKEN', '123456:bench-token')
logging.getLogger().setLevel(logging.ERROR)
jobs: asyncio.Queue


class PerChat(BaseUpdateProcessor):  # concurrent across chats, one at a time within one
    def __init__(self):
        super().__init__(4096)
        self.locks = {}

    async def do_process_update(self, update, coroutine):
        async with self.locks.setdefault(update.effective_chat.id if update.effective_chat else 0, asyncio.Lock()):
            await coroutine

    async def initialize(self):
        pass

    async def shutdown(self):
        pass


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


async def on_text(update: Update, context):
    m, thread, user = update.message, f'telegram:{update.effective_chat.id}', str(update.effective_user.id)
    record(
        id=f'{thread}:{m.message_id}',
        platform='telegram',
        conversationId=thread,
        messageId=str(m.message_id),
        direction='inbound',
        sender={'id': user, 'username': update.effective_user.username, 'name': update.effective_user.first_name},
        text=m.text,
        type='text',
        attachments=[],
        timestamps={'sent': m.date.isoformat(), 'logged': time.time()},
        metadata={'updateId': update.update_id, 'thread': thread, 'agent': 'bench'},
    )
    r = await client.post(
        AGENT, json={'messages': [{'role': 'user', 'content': m.text}], 'memory': {'thread': thread, 'resource': user}}
    )
    r.raise_for_status()
    reply = r.json()
    sent = await context.bot.send_message(update.effective_chat.id, reply['text'])
    now = time.time()
    record(
        id=f'{thread}:{sent.message_id}',
        platform='telegram',
        conversationId=thread,
        messageId=str(sent.message_id),
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


async def ready(app):
    global client, redis, jobs
    jobs = asyncio.Queue(50_000)
    client = httpx.AsyncClient(
        timeout=60,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=2048, keepalive_expiry=60),
        trust_env=False,
    )
    redis = Redis(host='127.0.0.1', port=int(env('REDIS_PORT', '16379')))
    app.writer = asyncio.get_running_loop().create_task(write_log())


app = (
    Application.builder()
    .token(TOKEN)
    .base_url(env('TELEGRAM_API', 'http://127.0.0.1:18081') + '/bot')
    .request(HTTPXRequest(connection_pool_size=4096, pool_timeout=60, read_timeout=60))
    .concurrent_updates(PerChat())
    .post_init(ready)
    .build()
)
app.add_handler(MessageHandler(filters.TEXT, on_text))
app.run_webhook(
    listen='127.0.0.1',
    port=int(env('PORT', '18080')),
    url_path='webhooks/telegram',
    webhook_url='https://bench.invalid/webhooks/telegram',
    secret_token=env('WEBHOOK_SECRET', 'bench-secret'),
)
