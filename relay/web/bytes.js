// bytes: bytes as text and back, and numbers that nobody can guess.

export function toBase64url(bytes)
{
	let text = "";

	for (const b of bytes)
		text += String.fromCharCode(b);
	return btoa(text).replaceAll("+", "-").replaceAll("/", "_")
		.replaceAll("=", "");
}

// Throws what atob throws.
export function fromBase64url(text)
{
	const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));

	return Uint8Array.from(plain, (c) => c.charCodeAt(0));
}

export function toHex(bytes)
{
	return Array.from(bytes, (b) => b.toString(16).padStart(2, "0"))
		.join("");
}

export function randomBytes(count)
{
	return crypto.getRandomValues(new Uint8Array(count));
}

export function randomId()
{
	return toBase64url(randomBytes(16));
}

// "20 MB": for people, so decimal.
export function sizeText(bytes)
{
	const units = ["B", "kB", "MB", "GB"];
	let i = 0;

	while (bytes >= 999.5 && i < units.length - 1) {
		bytes /= 1000;
		i++;
	}
	return `${bytes < 10 && i > 0 ? bytes.toFixed(1) :
		Math.round(bytes)} ${units[i]}`;
}

export function rateText(bitsPerSecond)
{
	if (bitsPerSecond >= 999500)
		return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
	return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
}
