// peerjs_churn: many clients of the PeerServer dialect that send, leave, come
// back and are replaced, all at once, on as many workers as the server has.
// Whatever happens, a message has its true sender, reaches nobody else and
// comes once; between those who stay none is lost and all are in order; when
// it is quiet, every message arrives.
//
//	node peerjs_churn.mjs PORT [SEED]
import { createRequire } from 'node:module';

const WebSocket = createRequire(process.env.MODULES + '/')('ws');
const [port, seed = '1'] = process.argv.slice(2);
const CLIENTS = 48, TURNS = 60, PATIENCE_MS = 60000;

// xorshift32: a run can be repeated
let state = Number(seed) * 2654435761 >>> 0 || 1;
function below(n) {
	state ^= state << 13;
	state ^= state >>> 17;
	state ^= state << 5;
	return (state >>> 0) % n;
}

function fail(why) {
	console.log(`FAILED: ${why}`);
	process.exit(1);
}
setTimeout(() => fail('it does not end'), PATIENCE_MS).unref();

class Peer {
	constructor(i) {
		this.id = `peer-${i}`;
		this.stays = i % 2 === 0;
		this.sent = new Map();	// to whom, how many
		this.got = new Map();	// from whom, which
		this.count = 0;
	}

	has(other, n) {
		return this.got.get(other.id)?.has(n) ?? false;
	}

	// Another socket under the same token; resolves when it is open.
	come() {
		const socket = new WebSocket(`ws://127.0.0.1:${port}/peerjs?` +
		    `key=peerjs&id=${this.id}&token=t-${this.id}`);

		return new Promise((done) => {
			socket.on('message', (data) => {
				const m = JSON.parse(data);

				if (m.type !== 'OPEN')
					return this.hear(m);
				this.socket = socket;
				done();
			});
			socket.on('error', () => {});
			socket.on('unexpected-response', (_, r) =>
			    fail(`${this.id}: ${r.statusCode}`));
		});
	}

	hear({ type, src, dst, payload }) {
		if (type === 'EXPIRE' || type === 'LEAVE')
			return;
		if (type !== 'OFFER' || dst !== this.id || payload.to !== this.id)
			fail(`${this.id} hears what is for ${payload.to}`);
		if (src !== payload.from)
			fail(`${this.id} hears ${payload.from} as ${src}`);
		const got = this.got.get(src) ?? new Set();

		if (got.has(payload.n))
			fail(`${this.id} hears ${payload.n} of ${src} twice`);
		if (this.stays && by_id.get(src).stays &&
		    payload.n !== got.size + 1)
			fail(`${this.id} hears ${payload.n} of ${src} after ` +
			    got.size);
		this.got.set(src, got.add(payload.n));
		this.count++;
	}

	send(other) {
		const n = (this.sent.get(other.id) ?? 0) + 1;

		this.sent.set(other.id, n);
		this.socket.send(JSON.stringify({ type: 'OFFER', dst: other.id,
			payload: { from: this.id, to: other.id, n } }));
	}

	async turn(others) {
		switch (this.stays ? 7 : below(8)) {
		case 0:	// replaced
			await this.come();
			break;
		case 1:	// away, and back
			this.socket.close();
			await this.come();
			break;
		case 2:	// cut off, and back
			this.socket.terminate();
			await this.come();
			break;
		default:
			for (let i = below(8); i >= 0; i--)
				this.send(others[below(others.length)]);
			await new Promise((done) => setImmediate(done));
		}
	}
}

async function until(what, is_it) {
	while (!is_it()) {
		if (until.end < Date.now())
			fail(`no ${what}`);
		await new Promise((done) => setTimeout(done, 20));
	}
}

const peers = Array.from({ length: CLIENTS }, (_, i) => new Peer(i));
const by_id = new Map(peers.map((p) => [p.id, p]));

await Promise.all(peers.map((p) => p.come()));
await Promise.all(peers.map(async (p) => {
	for (let i = 0; i < TURNS; i++)
		await p.turn(peers);
}));

// It is quiet: one more from each to each, and all arrive.
until.end = Date.now() + PATIENCE_MS / 2;
for (const a of peers)
	for (const b of peers)
		a.send(b);
await until('last message of each to each', () => peers.every((b) =>
    peers.every((a) => b.has(a, a.sent.get(b.id)))));

const sent = peers.reduce((n, p) =>
    n + [...p.sent.values()].reduce((a, b) => a + b, 0), 0);
const heard = peers.reduce((n, p) => n + p.count, 0);

console.log(`ok: ${heard} of ${sent} messages arrived, each once`);
for (const p of peers)
	p.socket.terminate();
process.exit(0);
