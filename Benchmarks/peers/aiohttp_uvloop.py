# A bridge on aiohttp, server and client, with uvloop and redis-py (hiredis).
import asyncio, hmac, json, os, time
import aiohttp, uvloop
from aiohttp import web
from redis.asyncio import Redis

env = os.environ.get
SECRET = env('WEBHOOK_SECRET', 'bench-secret')
AGENT = env('AGENT_URL', 'http://127.0.0.1:18111') + '/api/agents/bench/generate'
SEND = f"{env('TELEGRAM_API', 'http://127.0.0.1:18081')}/bot{env('BOT_TOKEN', '123456:bench-token')}/sendMessage"
LIMIT = 50_000


class Bridge:
    def __init__(self):
        self.tails, self.jobs, self.dropped = {}, asyncio.Queue(LIMIT), 0

    async def start(self, app):
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60), timeout=aiohttp.ClientTimeout(60)
        )
        self.redis = Redis(host='127.0.0.1', port=int(env('REDIS_PORT', '16379')))
        self.writer = asyncio.create_task(self.write_log())
        yield
        self.writer.cancel()
        await self.http.close()
        await self.redis.aclose()

    async def write_log(self):  # what gathers during one LPUSH goes out with the next
        while True:
            batch = [await self.jobs.get()]
            while len(batch) < 256 and not self.jobs.empty():
                batch.append(self.jobs.get_nowait())
            while True:
                try:
                    await self.redis.lpush('chatbridge:log', *batch)
                    break
                except Exception as e:
                    print('log', e)
                    await asyncio.sleep(0.5)

    def record(self, **job):
        try:
            self.jobs.put_nowait(json.dumps(job, ensure_ascii=False))
        except asyncio.QueueFull:
            self.dropped += 1

    async def post(self, url, value):
        async with self.http.post(url, json=value) as r:
            if r.status != 200:
                raise RuntimeError(f'{url}: {r.status}')
            return await r.json()

    async def handle(self, before, update):
        m = update['message']
        chat, sender = m['chat']['id'], m.get('from', {})
        try:
            if before:
                await before.wait()
            thread, user, now = f'telegram:{chat}', str(sender.get('id', chat)), time.time()
            self.record(
                id=f"{thread}:{m['message_id']}",
                platform='telegram',
                conversationId=thread,
                messageId=str(m['message_id']),
                direction='inbound',
                sender={'id': user, 'username': sender.get('username'), 'name': sender.get('first_name')},
                text=m['text'],
                type='text',
                attachments=[],
                timestamps={'sent': m['date'], 'logged': now},
                metadata={'updateId': update['update_id'], 'thread': thread, 'agent': 'bench'},
            )
            reply = await self.post(
                AGENT,
                {'messages': [{'role': 'user', 'content': m['text']}], 'memory': {'thread': thread, 'resource': user}},
            )
            sent = await self.post(SEND, {'chat_id': chat, 'text': reply['text']})
            if not sent['ok']:
                raise RuntimeError('sendMessage failed')
            now, mid = time.time(), sent['result']['message_id']
            self.record(
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
                    'replyTo': m['message_id'],
                    'thread': thread,
                    'agent': 'bench',
                    'finishReason': reply.get('finishReason'),
                    'usage': reply.get('usage'),
                },
            )
        except Exception as e:
            print('message', e)

    async def run_in_order(self, before, done, chat, update):
        try:
            await self.handle(before, update)
        finally:
            done.set()
            if self.tails.get(chat) is done:
                del self.tails[chat]
            self.tasks.discard(asyncio.current_task())

    tasks = set()

    async def webhook(self, request):
        if not hmac.compare_digest(request.headers.get('X-Telegram-Bot-Api-Secret-Token', ''), SECRET):
            return web.Response(status=401)
        update = await request.json()
        m = update.get('message')
        if m and m.get('text'):
            chat, done = m['chat']['id'], asyncio.Event()
            before, self.tails[chat] = self.tails.get(chat), done
            self.tasks.add(asyncio.create_task(self.run_in_order(before, done, chat, update)))
        return web.Response()


async def make():
    b, app = Bridge(), web.Application()
    app.cleanup_ctx.append(b.start)
    app.router.add_post('/webhooks/telegram', b.webhook)
    return app


uvloop.install()
web.run_app(
    make(),
    host='127.0.0.1',
    port=int(env('PORT', '18080')),
    access_log=None,
    print=None,
    backlog=4096,
    keepalive_timeout=65,
)
