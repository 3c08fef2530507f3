// sha256: SHA-256 (FIPS 180-4) of data that comes in pieces.  WebCrypto wants
// all of it at once, which a large file does not allow.

// The first 32 bits of the fractional parts of the roots of the first primes.
function fractions(count, root)
{
	const found = [];

	for (let n = 2; found.length < count; n++) {
		let isPrime = true;
		for (let d = 2; d * d <= n && isPrime; d++)
			isPrime = n % d !== 0;
		if (isPrime)
			found.push(((n ** (1 / root)) % 1) * 2 ** 32 | 0);
	}
	return found;
}

const K = new Int32Array(fractions(64, 3));
const BLOCK = 64;

function right(x, n)
{
	return (x >>> n) | (x << (32 - n));
}

export class Sha256 {
	constructor()
	{
		this.state = new Int32Array(fractions(8, 2));
		this.words = new Int32Array(64);
		this.rest = new Uint8Array(BLOCK);
		this.used = 0;	// of rest
		this.length = 0;
	}

	block(bytes, at)
	{
		const w = this.words, s = this.state;
		let [a, b, c, d, e, f, g, h] = s;

		for (let i = 0; i < 16; i++, at += 4)
			w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) |
				(bytes[at + 2] << 8) | bytes[at + 3];
		for (let i = 16; i < 64; i++) {
			const x = w[i - 15], y = w[i - 2];
			w[i] = w[i - 16] + w[i - 7] +
				(right(x, 7) ^ right(x, 18) ^ (x >>> 3)) +
				(right(y, 17) ^ right(y, 19) ^ (y >>> 10));
		}
		for (let i = 0; i < 64; i++) {
			const t = (h + (right(e, 6) ^ right(e, 11) ^
				right(e, 25)) + ((e & f) ^ (~e & g)) +
				K[i] + w[i]) | 0;
			const u = ((right(a, 2) ^ right(a, 13) ^
				right(a, 22)) +
				((a & b) ^ (a & c) ^ (b & c))) | 0;
			h = g;
			g = f;
			f = e;
			e = (d + t) | 0;
			d = c;
			c = b;
			b = a;
			a = (t + u) | 0;
		}
		s[0] += a;
		s[1] += b;
		s[2] += c;
		s[3] += d;
		s[4] += e;
		s[5] += f;
		s[6] += g;
		s[7] += h;
	}

	add(bytes)
	{
		let at = 0;

		this.length += bytes.length;
		if (this.used > 0) {
			at = Math.min(BLOCK - this.used, bytes.length);
			this.rest.set(bytes.subarray(0, at), this.used);
			this.used += at;
			if (this.used < BLOCK)
				return;
			this.block(this.rest, 0);
			this.used = 0;
		}
		for (; at + BLOCK <= bytes.length; at += BLOCK)
			this.block(bytes, at);
		this.rest.set(bytes.subarray(at), 0);
		this.used = bytes.length - at;
	}

	// The 32 bytes.  Nothing may be added afterwards.
	end()
	{
		const length = this.length;
		const pad = new Uint8Array((this.used < 56 ? 56 : 120) -
			this.used + 8);
		const out = new Uint8Array(32);

		pad[0] = 0x80;
		const view = new DataView(pad.buffer);
		view.setUint32(pad.length - 8, Math.floor(length / 2 ** 29));
		view.setUint32(pad.length - 4, (length * 8) >>> 0);
		this.add(pad);
		const words = new DataView(out.buffer);
		this.state.forEach((x, i) => words.setInt32(i * 4, x));
		return out;
	}
}
