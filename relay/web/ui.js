// ui: small things that every view uses.  Text that came from others is only
// ever put into the page by textContent or attributes that hold text.

const SVG = "http://www.w3.org/2000/svg";

export function $(id)
{
	return document.getElementById(id);
}

export function clone(id)
{
	return $(id).content.firstElementChild.cloneNode(true);
}

// A <tag> with that text.
export function element(tag, text, className)
{
	const e = document.createElement(tag);

	if (text !== undefined)
		e.textContent = text;
	if (className)
		e.className = className;
	return e;
}

export function button(text, fn)
{
	const b = element("button", text, "button tiny");

	b.type = "button";
	b.onclick = fn;
	return b;
}

export function setIcon(within, name)
{
	within.querySelector("use").setAttribute("href", `#i-${name}`);
}

// Sets what changed only, so that screen readers and selections stay calm.
export function setText(e, text)
{
	if (e.textContent !== text)
		e.textContent = text;
}

// A round face with the first letter and a colour of its own.
export function setFace(e, label)
{
	const letter = Array.from(label.trim())[0] ?? "?";
	let sum = 2166136261;

	for (const c of label)
		sum = Math.imul(sum ^ c.codePointAt(0), 16777619);
	setText(e, letter);
	e.className = `face hue-${(sum >>> 12) % 6}`;
}

// To those who hear the page.
export function announce(text)
{
	$("live").textContent = text;
}

const BOXES_MAX = 5;

// A box that stays until it is closed.  kind: "trouble" | "notice" | "word".
// What stands there already is not said twice.
export function alertBox(kind, text)
{
	const boxes = Array.from($("alerts").children);
	const same = boxes.find((b) => b.textContent === `${text}×`);

	if (same)
		return same;
	if (boxes.length >= BOXES_MAX)
		boxes[0].remove();
	const box = element("div", undefined, kind);
	const svg = document.createElementNS(SVG, "svg");
	const use = document.createElementNS(SVG, "use");
	const close = element("button", "×", "icon");

	use.setAttribute("href", "#i-warn");
	svg.append(use);
	svg.setAttribute("aria-hidden", "true");
	if (kind !== "word")
		box.append(svg);
	close.type = "button";
	close.setAttribute("aria-label", "Close this message");
	close.onclick = () => box.remove();
	box.append(element("p", text), close);
	$("alerts").append(box);
	return box;
}

/* A label for people: what they call themselves, printable and short.
 * Controls and marks that reverse the direction of writing are left out. */
export function plainLabel(text)
{
	return typeof text === "string" ? text.normalize("NFC")
		.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ").replace(/\s+/g, " ")
		.trim().slice(0, 40) : "";
}

// The part of a guest's name that says something, without diacritics.
export function handleOf(label)
{
	return label.normalize("NFKD").replace(/\p{M}/gu, "")
		.replace(/[^A-Za-z0-9._]+/g, "-").replace(/^-+|-+$/g, "")
		.slice(0, 32).replace(/-+$/, "");
}
