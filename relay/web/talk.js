// talk: the view of chat and files, one conversation per peer.

import { sizeText } from "./bytes.js";
import { $, announce, button, clone, element, setText } from "./ui.js";

const LINES_MAX = 500;

const FILE_STATE = {
	refused: "declined",
	cancelled: "cancelled",
	broken: "arrived damaged and was thrown away",
};

function fileText(t)
{
	const size = sizeText(t.size);

	switch (t.state) {
	case "offered":
		return t.isOutgoing ? `${size}, waiting for an answer` :
			`${size}, offered to you`;
	case "moving":
		return `${sizeText(t.moved)} of ${size}`;
	case "done":
		return t.isOutgoing ? `${size}, arrived complete` :
			`${size}, complete`;
	default:
		return `${size}, ${FILE_STATE[t.state]}`;
	}
}

function fileActions(t)
{
	if (t.state === "done" && !t.isOutgoing) {
		const a = element("a", "Save", "button tiny primary");
		a.href = t.url ??= URL.createObjectURL(t.blob);
		a.download = t.name;
		return [a];
	}
	if (t.isOver())
		return [];
	if (t.state === "offered" && !t.isOutgoing)
		return [button("Accept", () => t.accept()),
			button("Decline", () => t.refuse())];
	return [button("Cancel", () => t.cancel())];
}

function showFile(node, t)
{
	const bar = node.querySelector("progress");

	setText(node.querySelector("strong"), t.name);
	setText(node.querySelector("small"), fileText(t));
	bar.hidden = t.state !== "moving";
	bar.value = t.size > 0 ? t.moved / t.size : 1;
	bar.setAttribute("aria-label", `Progress of ${t.name}`);
	setText(node.querySelector("code"), t.state === "done" ?
		`SHA-256 ${t.hash}` : "");
	if (node.dataset.state !== t.state)
		node.querySelector(".acts").replaceChildren(...fileActions(t));
	node.dataset.state = t.state;
}

export class Talk {
	// label(peer); isOpen(peer): can anything be sent now?
	// canEnd(peer): is it a chat without a call, which end(peer) ends?
	constructor({ label, isOpen, canEnd, end, say, sendFile })
	{
		this.label = label;
		this.isOpen = isOpen;
		this.canEnd = canEnd;
		$("chat-end").onclick = () => end(this.peer);
		this.all = new Map();	// peer -> { nodes, unread }
		this.peer = null;
		$("chat-form").onsubmit = (e) => {
			e.preventDefault();
			const text = $("text").value.trim();
			if (text !== "" && this.peer && say(this.peer, text)) {
				this.line(this.peer, text, true);
				$("text").value = "";
			}
			$("text").focus();
		};
		$("attach").onclick = () => $("file").click();
		$("file").onchange = () => {
			for (const file of $("file").files)
				sendFile(this.peer, file);
			$("file").value = "";
		};
		const panel = $("chat-panel");
		panel.ondragover = (e) => e.preventDefault();
		panel.ondrop = (e) => {
			e.preventDefault();
			if (!this.peer || !isOpen(this.peer))
				return;
			for (const file of e.dataTransfer.files)
				sendFile(this.peer, file);
		};
		this.update();
	}

	of(peer)
	{
		if (!this.all.has(peer))
			this.all.set(peer, { nodes: [], unread: 0 });
		return this.all.get(peer);
	}

	select(peer)
	{
		this.of(peer).unread = 0;
		this.peer = peer;
		$("log").replaceChildren(...this.of(peer).nodes);
		this.down();
		this.update();
	}

	down()
	{
		$("log").scrollTop = $("log").scrollHeight;
	}

	add(peer, node, isMine)
	{
		const talk = this.of(peer);

		talk.nodes.push(node);
		if (talk.nodes.length > LINES_MAX)
			talk.nodes.shift().remove();
		if (this.peer === null)
			this.select(peer);
		else if (this.peer === peer)
			$("log").append(node);
		if (!isMine && (this.peer !== peer || this.isAway()))
			talk.unread++;
		this.down();
		this.update();
	}

	// On a phone: is another view than the chat shown?
	isAway()
	{
		return $("chat-panel").offsetParent === null;
	}

	seen()
	{
		if (this.peer !== null)
			this.of(this.peer).unread = 0;
		this.down();
		this.update();
	}

	line(peer, text, isMine)
	{
		this.add(peer, element("div", text,
			isMine ? "line mine" : "line"), isMine);
		if (!isMine)
			announce(`${this.label(peer)}: ${text}`);
	}

	note(peer, text)
	{
		this.add(peer, element("p", text, "note"), true);
	}

	file(peer, t)
	{
		const node = clone("t-file");

		t.change = () => showFile(node, t);
		showFile(node, t);
		this.add(peer, node, t.isOutgoing);
		if (!t.isOutgoing)
			announce(`${this.label(peer)} offers the file ` +
				`${t.name}, ${sizeText(t.size)}`);
	}

	update()
	{
		const isOpen = this.peer !== null && this.isOpen(this.peer);
		let unread = 0;

		$("chat-end").hidden = !isOpen || !this.canEnd(this.peer);
		for (const id of ["text", "attach", "say"])
			$(id).disabled = !isOpen;
		$("text").placeholder = isOpen ? "Message" : "";
		if (this.peer === null && !$("log").hasChildNodes())
			$("log").append(element("p", "Chat and files open " +
				"with a call, or by the chat button beside a " +
				"name. They never pass through the supernode's " +
				"hands unencrypted.", "empty"));
		setText($("chat-title"), this.peer === null ? "Chat and files" :
			`Chat with ${this.label(this.peer)}`);
		const tabs = [];
		for (const [peer, talk] of this.all) {
			unread += talk.unread;
			const b = button(this.label(peer) +
				(talk.unread > 0 ? ` (${talk.unread})` : ""),
				() => this.select(peer));
			b.setAttribute("aria-pressed",
				String(peer === this.peer));
			tabs.push(b);
		}
		$("chat-tabs").replaceChildren(...(tabs.length > 1 ? tabs : []));
		$("unread").hidden = unread === 0;
		setText($("unread"), String(unread));
	}
}
