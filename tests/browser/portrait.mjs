// portrait: a film for the fake camera: somebody who sways before a wall.
// Small, so that a test of many calls is not one of video codecs.

import { writeFileSync } from "node:fs";

const W = 320, H = 240, FRAMES = 30, RATE = 15;

// Luma and the two chromas of r, g, b (0..255), BT.601.
function yuv(r, g, b)
{
	return [16 + (66 * r + 129 * g + 25 * b) / 256,
		128 + (-38 * r - 74 * g + 112 * b) / 256,
		128 + (112 * r - 94 * g - 18 * b) / 256];
}

const HAIR = yuv(70, 48, 40), SKIN = yuv(222, 176, 146),
	SHIRT = yuv(58, 96, 128);

function colour(x, y, sway)
{
	const within = (cx, cy, rx, ry) =>
		((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;
	const light = 1 - 0.35 * y / H - 0.1 * x / W;

	if (within(160 + sway, 112, 40, 52))
		return SKIN;
	if (within(160 + sway, 98, 50, 60) && y < 130)
		return HAIR;
	if (within(160 + sway / 2, 268, 112, 106) ||
	    within(160 + sway / 2, 170, 20, 34))
		return y > 178 || Math.abs(x - 160 - sway / 2) > 20 ?
			SHIRT : SKIN;
	return yuv(206 * light, 199 * light, 180 * light);
}

function frame(sway)
{
	const out = Buffer.alloc(W * H * 3 / 2);
	const u = W * H, v = u * 5 / 4;

	for (let y = 0; y < H; y++) {
		for (let x = 0; x < W; x++) {
			const c = colour(x, y, sway);
			const at = (y >> 1) * (W >> 1) + (x >> 1);
			out[y * W + x] = c[0];
			out[u + at] = c[1];
			out[v + at] = c[2];
		}
	}
	return out;
}

export function portrait(path)
{
	const parts = [`YUV4MPEG2 W${W} H${H} F${RATE}:1 Ip A1:1 C420\n`];

	for (let i = 0; i < FRAMES; i++)
		parts.push("FRAME\n", frame(18 * Math.sin(2 * Math.PI * i /
			FRAMES)));
	writeFileSync(path, Buffer.concat(parts.map((p) => Buffer.from(p))));
	return path;
}
