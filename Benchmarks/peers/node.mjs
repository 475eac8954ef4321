// A bridge with Node's built-in modules alone: the http server and client, and Redis' protocol over a socket, pipelined.
import http from 'node:http';
import net from 'node:net';
import { timingSafeEqual } from 'node:crypto';

const env = (name, otherwise) => process.env[name] || otherwise;
const SECRET = Buffer.from(env('WEBHOOK_SECRET', 'bench-secret'));
const AGENT = new URL(env('AGENT_URL', 'http://127.0.0.1:18111') + '/api/agents/bench/generate');
const TELEGRAM = env('TELEGRAM_API', 'http://127.0.0.1:18081');
const SEND = new URL(`${TELEGRAM}/bot${env('BOT_TOKEN', '123456:bench-token')}/sendMessage`);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 2048, scheduling: 'lifo' });

function post(url, value) {
  return new Promise((resolve, reject) => {
    const body = Buffer.from(JSON.stringify(value));
    const request = http.request(
      {
        agent,
        method: 'POST',
        hostname: url.hostname,
        port: url.port,
        path: url.pathname,
        timeout: 60_000,
        headers: { 'content-type': 'application/json', 'content-length': body.length },
      },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200) return reject(new Error(`${url.pathname}: ${response.statusCode}`));
          try {
            resolve(JSON.parse(parts.length === 1 ? parts[0] : Buffer.concat(parts)));
          } catch (problem) {
            reject(problem);
          }
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
    request.end(body);
  });
}

// The log: what gathers in one turn of the loop goes out as one write; at most LIMIT jobs wait for their replies.
const LIMIT = 50_000;
let redis;
let pending = [];
let unreplied = 0;
let scheduled = false;

function connect() {
  redis = net.connect({ port: +env('REDIS_PORT', '16379'), host: '127.0.0.1', noDelay: true });
  redis.on('data', (bytes) => {
    for (const byte of bytes) if (byte === 10) unreplied--;
  });
  redis.on('error', () => {});
  redis.on('close', () => {
    unreplied = 0;
    redis = null;
    setTimeout(connect, 500);
  });
}

function flush() {
  scheduled = false;
  if (!redis || !pending.length) return;
  let out = '';
  for (const job of pending) {
    out += `*3\r\n$5\r\nLPUSH\r\n$14\r\nchatbridge:log\r\n$${Buffer.byteLength(job)}\r\n${job}\r\n`;
  }
  unreplied += pending.length;
  pending = [];
  redis.write(out);
}

function record(job) {
  if (unreplied + pending.length >= LIMIT) return;
  pending.push(JSON.stringify(job));
  if (!scheduled) {
    scheduled = true;
    setImmediate(flush);
  }
}

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

const server = http.createServer((request, response) => {
  if (request.url === '/health') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 15 }).end('{"status":"ok"}');
    return;
  }
  if (request.method !== 'POST' || request.url !== '/webhooks/telegram') {
    response.writeHead(404).end();
    return;
  }
  const given = Buffer.from(request.headers['x-telegram-bot-api-secret-token'] ?? '');
  if (given.length !== SECRET.length || !timingSafeEqual(given, SECRET)) {
    request.resume();
    response.writeHead(401).end();
    return;
  }
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    let update;
    try {
      update = JSON.parse(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    } catch {
      response.writeHead(400).end();
      return;
    }
    response.writeHead(200, { 'content-length': 0 }).end();
    if (update.message?.text) enqueue(update.message.chat.id, () => handle(update));
  });
});
server.keepAliveTimeout = 65_000;
connect();
server.listen(+env('PORT', '18080'), '127.0.0.1', 4096);
