// stats: what a connection does right now, out of getStats.

function chosenPair(report)
{
	let pair;

	for (const s of report.values()) {
		if (s.type === "transport" && s.selectedCandidatePairId)
			return report.get(s.selectedCandidatePairId);
		// browsers that do not name it
		if (s.type === "candidate-pair" && s.nominated &&
		    s.state === "succeeded")
			pair = s;
	}
	return pair;
}

// "direct", or "relayed" and how we reach the relay.
function route(report, pair)
{
	const local = report.get(pair.localCandidateId);
	const remote = report.get(pair.remoteCandidateId);

	if (local?.candidateType === "relay")
		return { route: "relayed", via: local.relayProtocol ?? "" };
	if (remote?.candidateType === "relay")
		return { route: "relayed", via: "" };
	return { route: "direct", via: local?.protocol ?? "" };
}

function addUp(report)
{
	const sum = { received: 0, lost: 0, theirs: [] };

	for (const s of report.values()) {
		if (s.type === "inbound-rtp") {
			sum.received += s.packetsReceived ?? 0;
			sum.lost += s.packetsLost ?? 0;
		} else if (s.type === "remote-inbound-rtp") {
			sum.theirs.push(s.fractionLost ?? 0);
		}
	}
	return sum;
}

/*
 * Of an RTCPeerConnection since `before`, which was returned for it last
 * (or undefined): { route, via, up, down (bit/s or null), lossDown, lossUp (0..1 or
 * null), rtt (ms or null) }; undefined while there is no connection.
 */
export async function measure(pc, before)
{
	const report = await pc.getStats();
	const pair = chosenPair(report);

	if (pair === undefined)
		return undefined;
	const now = { ...route(report, pair), up: null, down: null, lossDown: null,
		lossUp: null, rtt: null, at: pair.timestamp,
		sent: pair.bytesSent, got: pair.bytesReceived,
		pair: pair.id, sum: addUp(report) };
	if (pair.currentRoundTripTime !== undefined)
		now.rtt = pair.currentRoundTripTime * 1000;
	if (now.sum.theirs.length > 0)
		now.lossUp = Math.max(...now.sum.theirs);
	if (before?.pair !== now.pair || now.at <= before.at)
		return now;
	const seconds = (now.at - before.at) / 1000;
	now.up = (now.sent - before.sent) * 8 / seconds;
	now.down = (now.got - before.got) * 8 / seconds;
	const lost = Math.max(0, now.sum.lost - before.sum.lost);
	const all = lost + now.sum.received - before.sum.received;
	if (all > 0)
		now.lossDown = lost / all;
	return now;
}
