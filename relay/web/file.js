// file: one file over a data channel of its own.
//
// The control channel carries the offer and what the receiver says to it;
// the file's channel (label "file:<id>") its bytes in order and, as its last
// message, their SHA-256.  The receiver answers with what it computed itself.
// The sender waits whenever much is buffered, so memory stays bounded.

import { randomId, toHex } from "./bytes.js";
import { Sha256 } from "./sha256.js";

const PIECE = 64 * 1024;	// what every browser takes in one message
const READ = 16 * PIECE;
const BUFFER_LOW = 256 * 1024;
const BUFFER_HIGH = 1024 * 1024;
const BLOB_PART = 4 * 1024 * 1024;
const SIZE_MAX = 4 * 1024 ** 3;
const NAME_MAX = 120;

// A name that is only a name: no folders, nothing that cannot be seen.
export function plainName(name)
{
	const last = String(name).split(/[/\\]/).pop()
		.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "").trim();

	return last.slice(-NAME_MAX).replace(/^\.+/, "") || "file";
}

/*
 * A file on its way, either direction.  state: "offered" | "moving" | "done" |
 * "refused" | "cancelled" | "broken" (bytes or hash are not what was said).
 * change() is called at every step.
 */
class Transfer {
	constructor(call, { id, name, size })
	{
		this.call = call;
		this.id = id;
		this.name = name;
		this.size = size;
		this.moved = 0;
		this.state = "offered";
		this.hash = null;
		this.hasher = new Sha256();
		this.change = () => undefined;
	}

	isOver()
	{
		return !["offered", "moving"].includes(this.state);
	}

	setState(state)
	{
		if (this.isOver())
			return;
		this.state = state;
		if (this.isOver() && state !== "done")
			this.channel?.close();
		this.change();
	}

	cancel()
	{
		this.call.tellPeer("file-cancel", { file: this.id });
		this.setState("cancelled");
	}
}

export class Outgoing extends Transfer {
	constructor(call, file)
	{
		super(call, { id: randomId(), name: plainName(file.name),
			size: file.size });
		this.isOutgoing = true;
		this.file = file;
	}

	offer()
	{
		this.call.tellPeer("file-offer", { file: this.id,
			name: this.name, size: this.size });
	}

	accepted()
	{
		if (this.state !== "offered")
			return;
		this.setState("moving");
		this.channel = this.call.pc.createDataChannel(
			`file:${this.id}`);
		this.channel.binaryType = "arraybuffer";
		this.channel.bufferedAmountLowThreshold = BUFFER_LOW;
		this.channel.onopen = () => this.push()
			.catch(() => this.cancel());
		this.channel.onclose = () => this.setState("cancelled");
	}

	async push()
	{
		for (let at = 0; at < this.size; at += READ) {
			const bytes = new Uint8Array(await this.file
				.slice(at, at + READ).arrayBuffer());
			this.hasher.add(bytes);
			for (let i = 0; i < bytes.length; i += PIECE) {
				await this.room();
				if (this.isOver())
					return;
				this.channel.send(bytes.subarray(i, i + PIECE));
				this.moved += Math.min(PIECE, bytes.length - i);
			}
			this.change();
		}
		this.hash = toHex(this.hasher.end());
		this.channel.send(JSON.stringify({ sha256: this.hash }));
	}

	// Resolves when little enough is buffered, or the channel is gone.
	room()
	{
		if (this.channel.bufferedAmount < BUFFER_HIGH)
			return undefined;
		return new Promise((resolve) => {
			this.channel.onbufferedamountlow = resolve;
			this.channel.addEventListener("close", resolve,
				{ once: true });
		});
	}

	received(hash)
	{
		if (this.state !== "moving" || this.hash === null)
			return;
		this.setState(hash === this.hash ? "done" : "broken");
		this.channel.close();
	}
}

export class Incoming extends Transfer {
	constructor(call, { id, name, size })
	{
		super(call, { id, name, size });
		this.isOutgoing = false;
		this.parts = [];
		this.pieces = [];
		this.inPieces = 0;
	}

	accept()
	{
		this.isWanted = true;
		this.call.tellPeer("file-accept", { file: this.id });
	}

	refuse()
	{
		this.call.tellPeer("file-refuse", { file: this.id });
		this.setState("refused");
	}

	use(channel)
	{
		this.channel = channel;
		channel.binaryType = "arraybuffer";
		channel.onmessage = (e) => this.take(e.data);
		channel.onclose = () => this.setState("cancelled");
		this.setState("moving");
	}

	take(data)
	{
		if (this.isOver())
			return;
		if (typeof data === "string") {
			this.end(data);
			return;
		}
		this.moved += data.byteLength;
		if (this.moved > this.size) {
			this.setState("broken");
			return;
		}
		this.hasher.add(new Uint8Array(data));
		this.pieces.push(data);
		this.inPieces += data.byteLength;
		// a Blob may lie on disk, pieces may not
		if (this.inPieces >= BLOB_PART)
			this.gather();
		this.change();
	}

	gather()
	{
		this.parts.push(new Blob(this.pieces));
		this.pieces = [];
		this.inPieces = 0;
	}

	end(text)
	{
		let said;

		try {
			said = JSON.parse(text).sha256;
		} catch {
			said = null;
		}
		this.gather();
		this.hash = toHex(this.hasher.end());
		this.call.tellPeer("file-received", { file: this.id,
			sha256: this.hash });
		if (this.moved !== this.size || said !== this.hash) {
			this.setState("broken");
			return;
		}
		// never a type that a browser would show as a page of ours
		this.blob = new Blob(this.parts,
			{ type: "application/octet-stream" });
		this.parts = [];
		this.setState("done");
	}
}

// Listens to a call's file messages; offered(incoming) is called for each file
// the peer would send.  Returns what sends one: send(file) -> Outgoing.
export function filesListen(call, offered)
{
	const all = new Map();
	const on = (kind, fn) => call.handle(kind, (m) => {
		const t = all.get(m.file);
		if (t !== undefined)
			fn(t, m);
	});

	call.handle("file-offer", (m) => {
		if (typeof m.file !== "string" || all.has(m.file) ||
		    !Number.isSafeInteger(m.size) || m.size < 0)
			return;
		const t = new Incoming(call, { id: m.file, size: m.size,
			name: plainName(m.name) });
		all.set(t.id, t);
		if (t.size > SIZE_MAX)
			t.refuse();
		offered(t);
	});
	on("file-accept", (t) => t.isOutgoing && t.accepted());
	on("file-refuse", (t) => t.isOutgoing && t.setState("refused"));
	on("file-cancel", (t) => t.setState("cancelled"));
	on("file-received", (t, m) => t.isOutgoing && t.received(m.sha256));
	call.handle("channel", (channel) => {
		const t = all.get(channel.label.replace(/^file:/, ""));
		if (t instanceof Incoming && t.isWanted && !t.channel)
			t.use(channel);
		else
			channel.close();
	});
	return {
		send(file)
		{
			const t = new Outgoing(call, file);
			all.set(t.id, t);
			t.offer();
			return t;
		},
		cancelAll()
		{
			for (const t of all.values())
				t.setState("cancelled");
		},
	};
}
