// tiles: the view of one call that has voice or video.

import { rateText } from "./bytes.js";
import { $, clone, setFace, setText } from "./ui.js";

const DOING = {
	calling: "Ringing",
	connecting: "Connecting",
	reconnecting: "Connection lost, finding a way back",
};

// What lies between two pages, in words.
function figures(now, state)
{
	const parts = [];

	if (now.up !== null)
		parts.push(`${rateText(now.down)} in`,
			`${rateText(now.up)} out`);
	const loss = Math.max(now.lossDown ?? -1, now.lossUp ?? -1);
	if (loss >= 0)
		parts.push(`${(loss * 100).toFixed(1)} % lost`);
	if (now.rtt !== null)
		parts.push(`${Math.round(now.rtt)} ms`);
	return state === "connected" && parts.length > 0 ?
		` · ${parts.join(" · ")}` : "";
}

function routeText(now)
{
	if (now.route === "direct")
		return "Direct";
	return now.via ? `Relayed (${now.via})` : "Relayed";
}

export class Tile {
	// label(): what the peer is called now.
	constructor(call, label, { compared, differs })
	{
		this.call = call;
		this.label = label;
		this.node = clone("t-tile");
		this.part = (selector) => this.node.querySelector(selector);
		this.video = this.part("video");
		this.part(".hang").onclick = () => call.end("hangup");
		this.part("[data-do=same]").onclick = () => compared();
		this.part("[data-do=differs]").onclick = () => differs();
		$("tiles").append(this.node);
		this.update();
	}

	update()
	{
		const { call, node, video } = this;
		const label = this.label();
		const on = (name, is) => node.classList.toggle(name, is);

		setText(this.part("header .who"), label);
		setFace(this.part(".face"), label);
		this.part(".hang").setAttribute("aria-label",
			`Hang up the call with ${label}`);
		node.setAttribute("aria-label", `Call with ${label}`);
		video.setAttribute("aria-label", `Picture of ${label}`);
		setText(this.part(".doing"), DOING[call.state] ?? "");
		on("is-waiting", call.state in DOING);
		on("is-reconnecting", call.state === "reconnecting");
		on("is-muted", call.state === "connected" && !call.theirs.mic);
		on("shows-screen", call.theirs.screen === true);
		on("shows", call.stream.getVideoTracks().length > 0 &&
			(call.theirs.camera || call.theirs.screen) === true);
		node.dataset.state = call.state;
		if (video.srcObject !== call.stream) {
			video.srcObject = call.stream;
			// some browsers let nothing be heard before a touch
			video.play().catch(() => addEventListener("click",
				() => video.play().catch(() => undefined),
				{ once: true }));
		}
		this.part(".code").hidden = call.code === null;
		setText(this.part(".digits"), call.code ?? "");
		this.part(".code").classList.toggle("compared",
			call.isCompared);
	}

	// now: what measure returned.
	figures(now)
	{
		const p = this.part(".figures");
		const b = document.createElement("b");

		b.textContent = routeText(now);
		p.replaceChildren(b, figures(now, this.call.state));
		p.hidden = false;
		p.dataset.route = now.route;
	}

	remove()
	{
		this.video.srcObject = null;
		this.node.remove();
	}
}
