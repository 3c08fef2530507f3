// chat: lines of text over the control channel of a call.  They never pass
// through the supernode's signalling.

const TEXT_MAX = 4000;

// got(text) is called for each line that comes in.
export function chatListen(call, got)
{
	call.handle("text", (m) => {
		if (typeof m.text === "string" && m.text.length > 0)
			got(m.text.slice(0, TEXT_MAX));
	});
}

// Returns false when the call has no channel now.
export function chatSay(call, text)
{
	return call.tellPeer("text", { text: text.slice(0, TEXT_MAX) });
}
