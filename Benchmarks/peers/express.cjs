// A bridge as it is usually written for Node: express, axios (HTTP=undici: undici) and node-redis.
// With Debian's packages: NODE_PATH=/usr/share/nodejs node express.cjs
const http = require('node:http');
const express = require('express');
const axios = require('axios');
const { createClient } = require('redis');

const env = (name, otherwise) => process.env[name] || otherwise;
const SECRET = env('WEBHOOK_SECRET', 'bench-secret');
const AGENT = env('AGENT_URL', 'http://127.0.0.1:18111') + '/api/agents/bench/generate';
const TELEGRAM = env('TELEGRAM_API', 'http://127.0.0.1:18081');
const SEND = `${TELEGRAM}/bot${env('BOT_TOKEN', '123456:bench-token')}/sendMessage`;

let post;
if (env('HTTP', 'axios') === 'undici') {
  const { Pool } = require('undici');
  const pools = new Map();
  post = async (url, value) => {
    const { origin, pathname } = new URL(url);
    if (!pools.has(origin)) pools.set(origin, new Pool(origin, { connections: 4096, pipelining: 1 }));
    const { statusCode, body } = await pools.get(origin).request({
      method: 'POST',
      path: pathname,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(value),
    });
    if (statusCode !== 200) throw new Error(`${pathname}: ${statusCode}`);
    return body.json();
  };
} else {
  const httpAgent = new http.Agent({ keepAlive: true, maxFreeSockets: 2048 });
  const client = axios.create({ httpAgent, timeout: 60_000, proxy: false });
  post = async (url, value) => (await client.post(url, value)).data;
}

const redis = createClient({ url: `redis://127.0.0.1:${env('REDIS_PORT', '16379')}` });
redis.on('error', (problem) => console.error('redis', problem.message));
const record = (job) => {
  redis.lPush('chatbridge:log', JSON.stringify(job)).catch((problem) => console.error('log', problem.message));
};

// One message of a chat at a time.
const tails = new Map();
function enqueue(chat, work) {
  const mine = (tails.get(chat) ?? Promise.resolve())
    .then(work)
    .catch((problem) => console.error(problem.message))
    .finally(() => {
      if (tails.get(chat) === mine) tails.delete(chat);
    });
  tails.set(chat, mine);
}

async function handle(update) {
  const message = update.message;
  const thread = `telegram:${message.chat.id}`;
  const user = String(message.from?.id ?? message.chat.id);
  record({
    id: `${thread}:${message.message_id}`,
    platform: 'telegram',
    conversationId: thread,
    messageId: String(message.message_id),
    direction: 'inbound',
    sender: { id: user, username: message.from?.username, name: message.from?.first_name },
    text: message.text,
    type: 'text',
    attachments: [],
    timestamps: { sent: new Date(message.date * 1000).toISOString(), logged: new Date().toISOString() },
    metadata: { updateId: update.update_id, thread, agent: 'bench' },
  });
  const reply = await post(AGENT, {
    messages: [{ role: 'user', content: message.text }],
    memory: { thread, resource: user },
  });
  const sent = await post(SEND, { chat_id: message.chat.id, text: reply.text });
  if (!sent.ok) throw new Error('sendMessage failed');
  const at = new Date().toISOString();
  record({
    id: `${thread}:${sent.result.message_id}`,
    platform: 'telegram',
    conversationId: thread,
    messageId: String(sent.result.message_id),
    direction: 'outbound',
    sender: { id: 'bot', username: 'bench_bot', name: 'Bench' },
    text: reply.text,
    type: 'text',
    attachments: [],
    timestamps: { sent: at, logged: at },
    metadata: {
      replyTo: message.message_id,
      thread,
      agent: 'bench',
      finishReason: reply.finishReason,
      usage: reply.usage,
    },
  });
}

const app = express();
app.get('/health', (request, response) => response.json({ status: 'ok' }));
app.use(express.json());
app.post('/webhooks/telegram', (request, response) => {
  if (request.get('x-telegram-bot-api-secret-token') !== SECRET) return response.sendStatus(401);
  response.sendStatus(200);
  if (request.body.message?.text) enqueue(request.body.message.chat.id, () => handle(request.body));
});
redis.connect().then(() => {
  const server = http.createServer(app);
  server.keepAliveTimeout = 65_000;
  server.listen(+env('PORT', '18080'), '127.0.0.1', 4096);
});
