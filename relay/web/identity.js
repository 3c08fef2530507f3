// identity: a key pair of this page, what it signs, and the code that two
// people compare.  docs/PROTOCOL.md, "The page and its identity messages".
//
// The supernode carries the session descriptions.  It could put its own DTLS
// fingerprints in and sit in the middle.  So each page signs its fingerprints
// (a changed one is noticed at once), and both ends show a code made of both
// keys and fingerprints (a changed key shows as another code).

import { fromBase64url, toBase64url } from "./bytes.js";

const KEY = { name: "ECDSA", namedCurve: "P-256" };
const SIGN = { name: "ECDSA", hash: "SHA-256" };
const FINGERPRINT = /^a=fingerprint:(sha-(?:256|384|512)) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})$/;
const CODE_DIGITS = 8;

export class Tampered extends Error {}

function statement(lines)
{
	return new TextEncoder().encode(lines.join("\n"));
}

export class Identity {
	// saved: what export gave, to be the same page after a reload.
	static async create(saved)
	{
		const me = new Identity();

		if (saved) {
			me.pair = {
				privateKey: await crypto.subtle.importKey(
					"jwk", saved, KEY, true, ["sign"]),
				publicKey: await crypto.subtle.importKey(
					"jwk", { kty: saved.kty, crv: saved.crv,
						x: saved.x, y: saved.y },
					KEY, true, ["verify"]),
			};
		} else {
			me.pair = await crypto.subtle.generateKey(KEY, true,
				["sign", "verify"]);
		}
		me.key = toBase64url(new Uint8Array(await crypto.subtle
			.exportKey("raw", me.pair.publicKey)));
		return me;
	}

	save()
	{
		return crypto.subtle.exportKey("jwk", this.pair.privateKey);
	}

	async sign(lines)
	{
		return toBase64url(new Uint8Array(await crypto.subtle.sign(SIGN,
			this.pair.privateKey, statement(lines))));
	}
}

// Throws Tampered unless sig is key's over lines.
export async function verify(key, lines, sig)
{
	let isGood = false;

	try {
		const k = await crypto.subtle.importKey("raw",
			fromBase64url(key), KEY, false, ["verify"]);
		isGood = await crypto.subtle.verify(SIGN, k, fromBase64url(sig),
			statement(lines));
	} catch {
		// not a key, not base64url: as bad as a wrong signature
	}
	if (!isGood)
		throw new Tampered("a signature is wrong");
}

// The DTLS fingerprints of a session description, each once, sorted.
export function fingerprints(sdp)
{
	const found = new Set();

	for (const line of sdp.split(/\r\n|\n|\r/)) {
		if (!/fingerprint/i.test(line))
			continue;
		const m = FINGERPRINT.exec(line);
		if (m === null)
			throw new Tampered("a fingerprint cannot be read");
		found.add(`${m[1]} ${m[2]}`);
	}
	if (found.size === 0)
		throw new Tampered("there is no fingerprint");
	return Array.from(found).sort();
}

export async function digest(bytes)
{
	return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

// Commits to a nonce before the other side's is known.
export async function commitment(nonce)
{
	return toBase64url(await digest(statement(["supernode-commit/1",
		nonce])));
}

/*
 * The code of a call, "1234 5678".  caller and callee: { name, key, prints };
 * nonces: [caller's, callee's].  Both keys and fingerprints stand before
 * either nonce is known (see Call.compareBegin), so whoever is in the middle
 * has one guess in 10^8.
 */
export async function safetyCode(call, caller, callee, nonces)
{
	const lines = ["supernode-code/1", call];

	for (const end of [caller, callee])
		lines.push(end.name, end.key, end.prints.join(","));
	const hash = await digest(statement(lines.concat(nonces)));
	const number = new DataView(hash.buffer).getBigUint64(0) %
		10n ** BigInt(CODE_DIGITS);
	const digits = number.toString().padStart(CODE_DIGITS, "0");
	return `${digits.slice(0, 4)} ${digits.slice(4)}`;
}
