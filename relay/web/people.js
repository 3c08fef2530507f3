// people: the view of who is in the room.

import { $, clone, setFace, setText } from "./ui.js";

const ACTS = {
	chat: "Chat with",
	voice: "Call",
	video: "Call with video",
};

export class People {
	// label(name), status(name): "" or what to say; call(name, media)
	constructor({ label, status, call })
	{
		this.label = label;
		this.status = status;
		this.call = call;
		this.rows = new Map();
	}

	row(name)
	{
		const node = clone("t-person");

		node.dataset.name = name;
		for (const b of node.querySelectorAll("button"))
			b.onclick = () => this.call(name, b.dataset.call);
		return node;
	}

	update(names)
	{
		for (const [name, node] of this.rows) {
			if (!names.has(name)) {
				node.remove();
				this.rows.delete(name);
			}
		}
		for (const name of names) {
			if (!this.rows.has(name)) {
				const node = this.row(name);
				this.rows.set(name, node);
			}
			this.updateRow(name, this.rows.get(name));
		}
		this.sort();
		setText($("alone"), names.size === 0 ?
			"Nobody else yet. Send them the link." : "");
	}

	// By label; only what stands wrong is moved, for the focus's sake.
	sort()
	{
		const list = $("people");
		const nodes = Array.from(this.rows).sort(([a], [b]) =>
			this.label(a).localeCompare(this.label(b)) ||
			(a < b ? -1 : 1)).map(([, node]) => node);

		nodes.forEach((node, i) => {
			if (list.children[i] !== node)
				list.insertBefore(node, list.children[i] ?? null);
		});
	}

	updateRow(name, node)
	{
		const label = this.label(name);
		const { text, media } = this.status(name);

		setText(node.querySelector("strong"), label);
		setText(node.querySelector("small"), text || name);
		setFace(node.querySelector(".face"), label);
		node.classList.toggle("in-call", media !== null);
		for (const b of node.querySelectorAll("button")) {
			const what = `${ACTS[b.dataset.call]} ${label}`;
			b.setAttribute("aria-label", what);
			b.title = what;
			// what runs already need not be asked for
			b.disabled = media !== null && media !== "chat" ||
				media === "chat" && b.dataset.call === "chat";
		}
		// the chat of a call is one press away
		if (media !== null)
			node.querySelector("[data-call=chat]").disabled = false;
	}
}
