// ws: a WebSocket client of our own (RFC 6455) that speaks supernode.v1, for
// tests: it shows every frame, answers pings only when told to, and can stop
// reading.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
// what never comes ends the test; what comes may take long on a busy machine
const PATIENCE_MS = 5000 * Number(process.env.WAIT_FACTOR ?? 4);

export const PORT = Number(process.env.PORT);
export const TLS_PORT = Number(process.env.TLS_PORT);

function frame(opcode, payload, { fin = true, masked = true } = {}) {
  const len = payload.length;
  const head = [(fin ? 0x80 : 0) | opcode];
  const bit = masked ? 0x80 : 0;
  if (len < 126) head.push(bit | len);
  else if (len < 65536) head.push(bit | 126, len >> 8, len & 255);
  else {
    head.push(bit | 127, 0, 0, 0, 0);
    for (let i = 3; i >= 0; i--) head.push((len >>> (8 * i)) & 255);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), payload]);
  const mask = crypto.randomBytes(4);
  const out = Buffer.from(payload);
  for (let i = 0; i < len; i++) out[i] ^= mask[i & 3];
  return Buffer.concat([Buffer.from(head), mask, out]);
}

export class Client {
  // Resolves with the client when the upgrade was answered by 101; rejects
  // with an error that has .status otherwise.
  static open(options = {}) {
    const c = new Client(options);
    return c.opened;
  }

  constructor({ port = PORT, secure = false, path = '/signal',
    protocol = 'supernode.v1', headers = {}, pongs = true,
    host = '127.0.0.1' } = {}) {
    this.got = [];      // texts that nobody has asked for yet, parsed
    this.waiters = [];
    this.pongs = pongs;
    this.pings = 0;
    this.buffer = Buffer.alloc(0);
    this.parts = [];
    this.code = null;   // of the close frame, or 1006
    this.reason = '';
    this.ended = new Promise((resolve) => { this.onEnd = resolve; });
    const key = crypto.randomBytes(16).toString('base64');
    this.accept = crypto.createHash('sha1').update(key + GUID)
      .digest('base64');
    const lines = { Host: `${host}:${port}`, Upgrade: 'websocket',
      Connection: 'Upgrade', 'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Version': '13', ...headers };
    if (protocol) lines['Sec-WebSocket-Protocol'] = protocol;
    const head = `GET ${path} HTTP/1.1\r\n` + Object.entries(lines)
      .map(([k, v]) => `${k}: ${v}\r\n`).join('') + '\r\n';
    this.socket = secure
      ? tls.connect({ port, host, rejectUnauthorized: false })
      : net.connect({ port, host });
    this.socket.setNoDelay(true);
    this.socket.on(secure ? 'secureConnect' : 'connect',
      () => this.socket.write(head));
    this.opened = new Promise((resolve, reject) => {
      this.onOpen = resolve;
      this.onRefused = reject;
    });
    this.opened.catch(() => {});
    this.socket.on('data', (d) => this.take(d));
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.end(1006, ''));
  }

  end(code, reason) {
    if (this.code === null) {
      this.code = code;
      this.reason = reason;
    }
    if (!this.status) this.onRefused(new Error('connection refused'));
    this.onEnd(this.code);
    this.wake();
  }

  take(data) {
    this.buffer = Buffer.concat([this.buffer, data]);
    if (!this.status && !this.takeHead()) return;
    while (this.takeFrame());
  }

  takeHead() {
    const end = this.buffer.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const head = this.buffer.subarray(0, end).toString();
    this.buffer = this.buffer.subarray(end + 4);
    this.status = Number(head.split(' ')[1]);
    this.head = head;
    if (this.status === 101) {
      assert.match(head.toLowerCase(), /upgrade: websocket/);
      assert.ok(head.includes(this.accept), 'Sec-WebSocket-Accept');
      this.onOpen(this);
      return true;
    }
    const error = new Error(`answered ${this.status}`);
    error.status = this.status;
    error.head = head;
    this.onRefused(error);
    this.socket.destroy();
    return false;
  }

  takeFrame() {
    const b = this.buffer;
    if (b.length < 2) return false;
    let len = b[1] & 127;
    let at = 2;
    if (len === 126) {
      if (b.length < 4) return false;
      len = b.readUInt16BE(2);
      at = 4;
    } else if (len === 127) {
      if (b.length < 10) return false;
      len = Number(b.readBigUInt64BE(2));
      at = 10;
    }
    if (b.length < at + len) return false;
    assert.equal(b[1] & 128, 0, 'a server does not mask');
    const payload = Buffer.from(b.subarray(at, at + len));
    this.buffer = b.subarray(at + len);
    this.takePayload(b[0] & 15, (b[0] & 128) !== 0, payload);
    return true;
  }

  takePayload(opcode, fin, payload) {
    if (opcode === 9) {
      this.pings++;
      if (this.pongs) this.write(frame(10, payload));
      this.wake();
    } else if (opcode === 8) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.code = code;
      this.reason = payload.subarray(2).toString();
      this.write(frame(8, payload));
      this.socket.end();
      this.onEnd(code);
      this.wake();
    } else if (opcode === 10) {
      this.wake();
    } else {
      this.parts.push(payload);
      if (!fin) return;
      const whole = Buffer.concat(this.parts);
      this.parts = [];
      this.got.push(JSON.parse(whole.toString()));
      this.wake();
    }
  }

  wake() {
    for (const w of [...this.waiters]) w();
  }

  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  // An object is sent as JSON, a string as it is.
  send(what) {
    const text = typeof what === 'string' ? what : JSON.stringify(what);
    this.write(frame(1, Buffer.from(text)));
  }

  sendFrame(opcode, payload, options) {
    this.write(frame(opcode, Buffer.from(payload), options));
  }

  // The first message that is like `want` (members equal), taken out.
  async next(want, what = JSON.stringify(want)) {
    const is = (m) => Object.entries(want)
      .every(([k, v]) => JSON.stringify(m[k]) === JSON.stringify(v));
    await this.until(() => this.got.some(is), what);
    return this.got.splice(this.got.findIndex(is), 1)[0];
  }

  // Waits until test() is true.
  until(test, what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(new Error(
        `no ${what} in time; closed ${this.code} ${this.reason}; ` +
        `got ${JSON.stringify(this.got).slice(0, 500)}`)), PATIENCE_MS);
      const done = (error) => {
        clearTimeout(timer);
        this.waiters = this.waiters.filter((w) => w !== look);
        if (error) reject(error);
        else resolve();
      };
      const look = () => {
        if (test()) done();
        else if (this.code !== null) {
          done(new Error(`no ${what}: closed ${this.code} ${this.reason}; ` +
            `got ${JSON.stringify(this.got).slice(0, 500)}`));
        }
      };
      this.waiters.push(look);
      look();
    });
  }

  // The code it is closed with.
  async closed() {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error('is not closed in time; got ' +
          JSON.stringify(this.got).slice(0, 500))), PATIENCE_MS);
    });
    try {
      return await Promise.race([this.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(code = 1000) {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.write(frame(8, payload));
  }

  // As if the network had gone.
  cut() {
    this.code = 1006;
    this.socket.destroy();
  }

  // Whatever came is one answer old at least: nothing more is on its way.
  async quiet() {
    this.send({ type: 'ping' });
    await this.next({ type: 'pong' });
    return this.got;
  }
}

let ids = 0;

// Says hello with `hello`; resolves with the client, .ready is its answer.
export async function join(hello, options) {
  const c = await Client.open(options);
  c.welcome = await c.next({ type: 'welcome' });
  await again(c, hello);
  return c;
}

export async function again(c, hello) {
  const id = ++ids;
  if (typeof hello === 'string') hello = { name: hello };
  if (typeof hello === 'function') hello = hello(c.welcome);
  c.send({ type: 'hello', id, ...hello });
  await c.until(() => c.got.some((m) => m.id === id), 'answer to hello');
  const at = c.got.findIndex((m) => m.id === id);
  [c.ready] = c.got.splice(at, 1);
  assert.equal(c.ready.type, 'ready', JSON.stringify(c.ready));
  c.name = c.ready.name;
  c.session = c.ready.session;
  return c;
}

// Sends data and waits for what becomes of it.
export async function tell(c, to, data, more = {}) {
  const id = ++ids;
  c.send({ type: 'send', id, to, data, ...more });
  await c.until(() => c.got.some((m) => m.id === id), `answer to ${id}`);
  return c.got.splice(c.got.findIndex((m) => m.id === id), 1)[0];
}

export async function find(c, name) {
  const id = ++ids;
  c.send({ type: 'find', id, name });
  return c.next({ type: 'found', id });
}

// ---- tokens

export class Issuer {
  // key: of an issuer that was made before; else it gets a new one.
  constructor(key = crypto.generateKeyPairSync('ed25519').privateKey) {
    this.name = 'https://login.example.test';
    this.audience = 'supernode';
    this.key = key;
    this.jwk = { ...crypto.createPublicKey(key).export({ format: 'jwk' }),
      kid: 'k1', alg: 'EdDSA', use: 'sig' };
  }

  static load(path) {
    return new Issuer(crypto.createPrivateKey(fs.readFileSync(path)));
  }

  pem() {
    return this.key.export({ type: 'pkcs8', format: 'pem' });
  }

  jwks() {
    return JSON.stringify({ keys: [this.jwk] });
  }

  // A token for name; node: whose key it names (a NodeKey), or none.
  token(name, { seconds = 3600, node = null, claims = {} } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const text = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
    const body = { iss: this.name, aud: this.audience, sub: name, iat: now,
      exp: now + seconds, ...claims };
    if (node) body.cnf = { jwk: node.jwk };
    const signed = `${text({ alg: 'EdDSA', typ: 'JWT', kid: 'k1' })}.` +
      text(body);
    return `${signed}.` +
      crypto.sign(null, Buffer.from(signed), this.key).toString('base64url');
  }

  // What a node says hello with.
  hello(name, options = {}) {
    const token = this.token(name, options);
    if (!options.node) return { token };
    return (welcome) => ({ token, proof: options.node.prove(welcome) });
  }
}

export class NodeKey {
  constructor() {
    const pair = crypto.generateKeyPairSync('ed25519');
    this.key = pair.privateKey;
    this.jwk = pair.publicKey.export({ format: 'jwk' });
  }

  prove(welcome) {
    const said = Buffer.concat([
      Buffer.from(`supernode.v1 hello\0${welcome.node}\0`),
      Buffer.from(welcome.challenge, 'base64url')]);
    return crypto.sign(null, said, this.key).toString('base64url');
  }
}

// ---- the server

// What supernodectl answers.
export function ctl(...words) {
  return JSON.parse(execFileSync(`${process.env.BUILD}/supernodectl`,
    ['-s', process.env.SOCKET, '--json', ...words], { encoding: 'utf8' }));
}

// The worker of a client's session.
export function workerOf(c) {
  return ctl('nodes').nodes.find((n) => n.session === c.session)?.worker;
}

export const WORKERS = Number(process.env.WORKERS ?? 1);

// Clients that join as make(i) until every worker has one: by worker.
export async function everywhere(make) {
  const at = [];
  for (let i = 0; at.filter(Boolean).length < WORKERS; i++) {
    assert.ok(i < 200, 'no connection reaches some worker');
    const c = await make(i);
    at[workerOf(c)] ??= c;
  }
  return at;
}

// ---- HTTP

export async function get(path, { port = PORT, headers = {} } = {}) {
  return fetch(`http://127.0.0.1:${port}${path}`, { headers });
}

// ---- a test

export function say(text) {
  console.log(text);
}

export { assert };
