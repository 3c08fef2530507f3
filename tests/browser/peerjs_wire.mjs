// peerjs_wire: a PeerServer as a plain client sees it.  Each client keeps what
// it heard; what a scenario did is what all its clients heard, one by one.
import { createRequire } from 'node:module';

const WebSocket = createRequire(process.env.MODULES + '/')('ws');
const PATIENCE_MS = 20000;

export class Place {
	// port of a PeerServer on 127.0.0.1
	constructor(name, port) {
		this.name = name;
		this.base = `127.0.0.1:${port}`;
		this.syncs = 0;
	}

	async http(path, options = {}) {
		return await fetch(`http://${this.base}${path}`, options);
	}

	// Everybody of the last scenario has left.
	async empty() {
		const end = Date.now() + PATIENCE_MS;

		while (await (await this.http('/peerjs/peers')).text() !== '[]') {
			if (Date.now() > end)
				throw new Error(`${this.name}: peers stay`);
			await new Promise((done) => setTimeout(done, 20));
		}
	}
}

export class Client {
	constructor(place, name, query) {
		this.place = place;
		this.name = name;
		this.heard = [];
		this.waiters = [];
		this.socket = new WebSocket(`ws://${place.base}/peerjs?${query}`);
		this.socket.on('message', (data) => this.hear(data.toString()));
		this.socket.on('close', (code) => this.hear(`closed ${code}`));
		this.socket.on('error', (e) => this.hear(`failed ${e.message}`));
	}

	hear(line) {
		this.heard.push(line);
		for (const waiter of [...this.waiters])
			waiter();
	}

	// Waits until a line that is_it finds was heard; returns it.
	async until(is_it, what) {
		return await new Promise((done, fail) => {
			const look = () => {
				const line = this.heard.find(is_it);

				if (line === undefined)
					return;
				clearTimeout(timer);
				this.waiters.splice(this.waiters.indexOf(look), 1);
				done(line);
			};
			const timer = setTimeout(() => fail(new Error(
			    `${this.place.name}: ${this.name} waits for ${what}, ` +
			    `heard ${JSON.stringify(this.heard)}`)), PATIENCE_MS);

			this.waiters.push(look);
			look();
		});
	}

	async count(n) {
		await this.until(() => this.heard.length >= n, `${n} lines`);
	}

	async closed() {
		await this.until((line) => line.startsWith('closed'), 'its end');
	}

	say(message) {
		this.socket.send(typeof message === 'object' &&
		    !Buffer.isBuffer(message) ? JSON.stringify(message) : message);
	}

	// All that this one said before has reached `other`, if anything will.
	async sync(other) {
		const mark = `sync ${++this.place.syncs}`;
		const is_mark = (line) => line.includes(mark);

		this.say({ type: 'ANSWER', dst: other.id, payload: mark });
		await other.until(is_mark, mark);
		other.heard = other.heard.filter((line) => !is_mark(line));
	}
}

// The clients of one scenario at one place.
export class Stage {
	constructor(place) {
		this.place = place;
		this.clients = [];
		this.said = [];
	}

	note(line) {
		this.said.push(line);
	}

	// A client with that query, whatever becomes of it.
	knock(name, query) {
		const client = new Client(this.place, name, query);

		this.clients.push(client);
		return client;
	}

	// A client that is open.
	async come(id, token = `token-of-${id}`, name = id) {
		const client = this.knock(name,
		    `key=peerjs&id=${encodeURIComponent(id)}&token=${token}` +
		    '&version=1.5.5');

		client.id = id;
		await client.until((line) => line.includes('OPEN'), 'OPEN');
		return client;
	}

	async leave() {
		for (const client of this.clients) {
			client.socket.removeAllListeners('close');
			client.socket.terminate();
		}
		await this.place.empty();
	}

	transcript() {
		return this.said.concat(...this.clients.map((client) =>
		    client.heard.map((line) => `${client.name} < ${line}`)));
	}
}
