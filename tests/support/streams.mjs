// streams: ends of streams for tests: they count and hash what comes, send as
// fast as they are let, and can stop reading.
import crypto from 'node:crypto';
import { once } from 'node:events';
import { Client, join } from './ws.mjs';

const PIECE = 16 * 1024;
const PATIENCE_MS = 20000 * Number(process.env.WAIT_FACTOR ?? 4);

// Rejects when what takes longer than it should on any machine.
export async function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: not in time`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class End extends Client {
  constructor(path, options = {}) {
    super({ protocol: null, path, ...options });
    this.bytes = 0;
    this.sizes = [];      // of each whole message
    this.hash = crypto.createHash('sha256');
    this.hashes = null;   // hex, once the other side said end
    this.sent = 0;
    this.sentHash = crypto.createHash('sha256');
    this.size = 0;
    this.kind = 0;
    this.arrived = () => {};
    this.finished = new Promise((resolve) => { this.onFinished = resolve; });
  }

  takePayload(opcode, fin, payload) {
    if (opcode === 1 || opcode === 2) this.kind = opcode;
    if (opcode > 2 || this.kind !== 2) {
      super.takePayload(opcode, fin, payload);
      if (this.got.some((m) => m.type === 'end')) this.takeEnd();
      return;
    }
    this.bytes += payload.length;
    this.size += payload.length;
    this.hash.update(payload);
    if (fin) {
      this.sizes.push(this.size);
      this.size = 0;
    }
    this.arrived();
  }

  takeEnd() {
    this.got = [];
    this.hashes = this.hash.digest('hex');
    this.onFinished(this.hashes);
  }

  // Sends bytes random ones in messages of size, as fast as it is let.
  // Resolves with true, or with false when the connection went away.
  async pour(bytes, { size = PIECE, until = () => false } = {}) {
    for (let left = bytes; left > 0 && !until();) {
      const message = crypto.randomBytes(Math.min(size, left));
      if (this.code !== null) return false;
      this.sentHash.update(message);
      this.sendFrame(2, message);
      this.sent += message.length;
      left -= message.length;
      if (this.socket.writableNeedDrain) {
        await Promise.race([once(this.socket, 'drain'), this.ended]);
      }
    }
    return true;
  }

  // The last of this direction; the hash of all that was sent.
  finish() {
    this.send({ type: 'end' });
    return this.sentHash.digest('hex');
  }

  // So many bytes have come.
  reach(bytes) {
    if (this.bytes >= bytes) return Promise.resolve();
    return soon(new Promise((resolve) => {
      this.arrived = () => { if (this.bytes >= bytes) resolve(); };
    }), `${bytes} bytes`);
  }
}

let ids = 1000;

// Both tickets of a stream that client asks for to the name to.
export async function tickets(client, other) {
  const id = ++ids;
  client.send({ type: 'stream', id, to: other.name });
  const mine = await client.next({ type: 'stream', id });
  const theirs = await other.next({ type: 'stream', peer: client.name });
  return [mine, theirs];
}

// A stream between two clients, both ends open.
export async function stream(client, other, options) {
  const [mine, theirs] = await tickets(client, other);
  const ends = [new End(mine.path, options), new End(theirs.path, options)];
  await Promise.all(ends.map((e) => soon(e.opened, 'the WebSocket')));
  return ends;
}

// The status with which a WebSocket is refused.
export async function refused(path, options) {
  const e = new End(path, options);
  try {
    await soon(e.opened, 'an answer');
  } catch (error) {
    return error.status;
  }
  return 101;
}

export { join };
