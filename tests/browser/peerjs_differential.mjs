// peerjs_differential: the same clients say the same to npm's `peer`, the
// reference PeerServer, and to ours; what they hear must be the same, but for
// the differences that stand here with their reason (and in PROTOCOL.md).
//
//	node peerjs_differential.mjs PORT [SCENARIO...]
//
// Ours is at PORT of 127.0.0.1, with peerjs-discovery and sessions = LIMIT.
import { createRequire } from 'node:module';
import { Place, Stage } from './peerjs_wire.mjs';

const { PeerServer } = createRequire(process.env.MODULES + '/')('peer');
const LIMIT = 12;

const CODE_WHY = 'our close frame says why; the reference sends no code, and ' +
    'the client looks at none';

// name, what is done, and in what we differ: lines of the reference, what
// stands in their place with us (null: nothing), and why.
const scenarios = [];
function scenario(name, run, differences = []) {
	scenarios.push({ name, run, differences });
}

// ---- HTTP

async function answer(s, method, path, headers = {}) {
	const r = await s.place.http(path, { method, headers });
	const text = (await r.text()).replace(
	    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
	    'UUID');
	const type = r.headers.get('content-type') ?? 'none';

	s.note(`${method} ${path}: ${r.status} ${type} ` +
	    (r.status < 400 || r.status === 401 ? text : '-'));
	s.note('  origin ' + r.headers.get('access-control-allow-origin') +
	    ', vary ' + /\borigin\b/i.test(r.headers.get('vary')));
}

scenario('http', async (s) => {
	await answer(s, 'GET', '/');
	await answer(s, 'GET', '/?ts=17000000001.5&version=1.5.5');
	await answer(s, 'GET', '/', { Origin: 'https://app.example' });
	await answer(s, 'GET', '/peerjs/id');
	await answer(s, 'GET', '/peerjs/id/?ts=1', { Origin: 'null' });
	await answer(s, 'GET', '/anything/id');
	await answer(s, 'HEAD', '/peerjs/id');
	await s.come('alice');
	await answer(s, 'GET', '/peerjs/peers');
});

scenario('preflight', async (s) => {
	const r = await s.place.http('/peerjs/id', { method: 'OPTIONS',
		headers: { Origin: 'https://app.example',
			'Access-Control-Request-Method': 'GET' } });

	s.note(`${r.status} ${r.headers.get('access-control-allow-origin')} ` +
	    /\bGET\b/.test(r.headers.get('access-control-allow-methods')));
});

scenario('post', async (s) => answer(s, 'POST', '/peerjs/id'), [
	['POST /peerjs/id: 404 text/html; charset=utf-8 -',
		'POST /peerjs/id: 405 text/plain; charset=utf-8 -',
		'405 says what is wrong: the method, not the path'],
]);

// ---- who comes in

const REFUSED = '{"type":"ERROR","payload":{"msg":"No id, token, or key ' +
    'supplied to websocket server"}}';

scenario('missing', async (s) => {
	for (const query of ['', 'key=peerjs&id=a', 'key=peerjs&token=t',
		'id=a&token=t', 'key=&id=a&token=t'])
		await s.knock('x', query).closed();
}, [['x < closed 1005', 'x < closed 4000', CODE_WHY]]);

scenario('wrong-key', async (s) => {
	await s.knock('x', 'key=other&id=a&token=t').closed();
}, [['x < closed 1005', 'x < closed 4000', CODE_WHY]]);

scenario('id-taken', async (s) => {
	const a = await s.come('alice');

	await s.knock('other', 'key=peerjs&id=alice&token=other').closed();
	await a.sync(a);
}, [['other < closed 1005', 'other < closed 1008', CODE_WHY]]);

scenario('id-free-again', async (s) => {
	const a = await s.come('alice');

	a.socket.close(1000);
	await a.closed();
	await s.place.empty();
	await s.come('alice', 'new', 'next');
});

scenario('full', async (s) => {
	for (let i = 0; i < LIMIT; i++)
		await s.come(`peer${i}`);
	await s.knock('x', 'key=peerjs&id=one-more&token=t').closed();
}, [['x < closed 1005', 'x < closed 1013', CODE_WHY]]);

scenario('same-token', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');
	const again = s.knock('again',
	    'key=peerjs&id=alice&token=token-of-alice');

	again.id = 'alice';
	if (s.place.name === 'ours')
		await a.closed();
	else
		await new Promise((done) => again.socket.on('open', done));
	await b.sync(again);
}, [
	[null, 'alice < closed 4009',
		'the socket that was replaced is closed, not left hanging'],
	[null, 'again < {"type":"OPEN"}',
		'the client says `open` only when it hears OPEN'],
]);

scenario('ids', async (s) => {
	for (const id of ['a', 'A-1_b c', 'x'.repeat(64), '%', '0'])
		await s.come(id, 't');
	for (const [name, id] of [['utf-8', 'ä'], ['quote', '"'],
		['long', 'x'.repeat(65)]]) {
		const x = s.knock(name,
		    `key=peerjs&id=${encodeURIComponent(id)}&token=t`);

		await x.count(1);
		if (s.place.name === 'ours')
			await x.closed();
	}
	const x = s.knock('long-token',
	    `key=peerjs&id=b&token=${'x'.repeat(65)}`);

	await x.count(1);
	if (s.place.name === 'ours')
		await x.closed();
}, ['utf-8', 'quote', 'long', 'long-token'].flatMap((name) => {
	const what = name === 'long-token' ? 'token' : 'id';

	return [[`${name} < {"type":"OPEN"}`,
		`${name} < {"type":"ERROR","payload":{"msg":` +
		`"Invalid ${what} provided"}}`,
		'ids and tokens have 1 to 64 bytes, ids are plain ASCII: what ' +
		'the client takes as an id is still allowed'],
	[null, `${name} < closed 4000`, CODE_WHY]];
}));

// ---- what is said

scenario('types', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	for (const type of ['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE', 'EXPIRE',
		'HEARTBEAT', 'OPEN', 'ID-TAKEN', 'ERROR', 'offer', 'TRANSMIT', ''])
		a.say({ type, dst: 'bob', payload: { connectionId: type } });
	await a.sync(b);
	await b.sync(a);
});

scenario('payloads', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	for (const payload of [null, 0, -1.5, true, '', 'text', 'ä \u2028 \n',
		[], [[1], { a: [] }], {}, { sdp: { type: 'offer', sdp: 'v=0\r\n' } },
		'x'.repeat(30000)])
		a.say({ type: 'OFFER', dst: 'bob', payload });
	a.say({ type: 'OFFER', dst: 'bob' });
	await a.sync(b);
});

scenario('sender', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	a.say({ src: 'carol', type: 'OFFER', dst: 'bob', payload: 1, more: 2 });
	a.say({ payload: 2, dst: 'bob', type: 'ANSWER' });
	a.say(Buffer.from('{"type":"OFFER","dst":"bob","payload":3}'));
	a.say({ type: 'OFFER', dst: 'alice', payload: 'to itself' });
	await a.sync(b);
	await a.sync(a);
});

scenario('broken', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	for (const text of ['', 'x', '{', 'null', '[]', '7', '"OFFER"', '{}',
		'{"type":7,"dst":"bob"}', '{"type":"OFFER"}',
		'{"type":"OFFER","dst":"bob","payload":}',
		'{"type":"OFFER","dst":"bob"} {}'])
		a.say(text);
	await a.sync(b);
	await b.sync(a);
});

scenario('strict', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	a.say('{"type":"OFFER","dst":"nobody","dst":"bob","payload":1}');
	a.say('{"type":"OFFER","dst":"bob","payload":"\\u0000"}');
	a.say(`{"type":"OFFER","dst":"bob","payload":${
		'['.repeat(40)}${']'.repeat(40)}}`);
	await a.sync(b);
}, [
	['bob < {"type":"OFFER","src":"alice","dst":"bob","payload":1}', null,
		'a key that stands twice is refused: readers disagree on it'],
	['bob < {"type":"OFFER","src":"alice","dst":"bob","payload":"\\u0000"}',
		null, 'no NUL inside of strings'],
	['bob < {"type":"OFFER","src":"alice","dst":"bob","payload":' +
		`${'['.repeat(40)}${']'.repeat(40)}}`, null,
		'depth is at most 32'],
]);

scenario('verbatim', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	a.say('{"type":"OFFER","dst":"bob","payload": {"a" : 1.50}}');
	await a.sync(b);
}, [[
	'bob < {"type":"OFFER","src":"alice","dst":"bob","payload":{"a":1.5}}',
	'bob < {"type":"OFFER","src":"alice","dst":"bob","payload":' +
	    '{"a" : 1.50}}',
	'a payload is handed on as it stands, not written anew',
]]);

scenario('large', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	a.say({ type: 'OFFER', dst: 'bob', payload: 'x'.repeat(70000) });
	if (s.place.name === 'ours')
		await a.closed();
	else
		await a.sync(b);
	b.heard = b.heard.map((line) => line.replace(/x{70000}/, '70000 x'));
}, [
	['bob < {"type":"OFFER","src":"alice","dst":"bob",' +
	    '"payload":"70000 x"}', null, 'signalling.max-message'],
	[null, 'alice < closed 1009', 'signalling.max-message'],
]);

// ---- who is not there

scenario('waiting', async (s) => {
	const a = await s.come('alice');

	for (const type of ['OFFER', 'CANDIDATE', 'ANSWER', 'LEAVE', 'EXPIRE'])
		a.say({ type, dst: 'bob', payload: type });
	await a.sync(a);
	const b = await s.come('bob');

	await b.count(4);
	await a.sync(b);
});

scenario('expiry', async (s) => {
	const a = await s.come('alice'), c = await s.come('carol');
	const start = Date.now();

	a.say({ type: 'OFFER', dst: 'bob', payload: 1 });
	a.say({ type: 'CANDIDATE', dst: 'bob', payload: 2 });
	a.say({ type: 'LEAVE', dst: 'dave' });
	await a.sync(c);
	c.say({ type: 'OFFER', dst: 'bob', payload: 3 });
	a.say({ type: 'OFFER', dst: 'erin', payload: 4 });
	await a.count(3);
	await c.count(2);
	const ms = Date.now() - start;

	// the reference looks once a second
	s.note(`after five seconds: ${ms > 4900 && ms < 6900}`);
	a.heard.sort();
	const b = await s.come('bob');

	await a.sync(b);
});

scenario('back-in-time', async (s) => {
	const a = await s.come('alice'), b = await s.come('bob');

	b.socket.close(1000);
	await b.closed();
	a.say({ type: 'OFFER', dst: 'bob', payload: 1 });
	await a.sync(a);
	const again = await s.come('bob', 'new', 'again');

	await again.count(2);
	await a.sync(again);
});

scenario('leave', async (s) => {
	const a = await s.come('alice');

	a.say({ type: 'LEAVE' });
	await s.place.empty();
	const next = await s.come('alice', 'new', 'next');

	if (s.place.name === 'ours')
		await a.closed();
	await next.sync(next);
}, [[null, 'alice < closed 1000',
	'who gave its id up is closed: with the reference it can go on to ' +
	'speak as the next one who has that id']]);

scenario('heartbeat', async (s) => {
	const a = await s.come('alice');

	a.say({ type: 'HEARTBEAT' });
	a.say({ type: 'HEARTBEAT', dst: 'alice', payload: 1 });
	await a.sync(a);
});

// ---- comparing

async function play(one, place) {
	const stage = new Stage(place);

	try {
		await one.run(stage);
		return stage.transcript();
	} finally {
		await stage.leave();
	}
}

// The transcript of the reference, with our differences in it.
function expected(lines, differences) {
	const out = [...lines];

	for (const [theirs, ours] of differences) {
		if (theirs === null) {
			out.push(ours);
			continue;
		}
		if (!out.includes(theirs))
			throw new Error(`no difference: ${theirs}`);
		for (let i; (i = out.indexOf(theirs)) >= 0;)
			out.splice(i, 1, ...(ours === null ? [] : [ours]));
	}
	return out;
}

// Lines of one speaker keep their order; lines that we add stand anywhere.
function by_speaker(lines, added) {
	const order = (line) => line.split(' < ')[0];

	return lines.filter((line) => !added.includes(line))
	    .map((line, i) => [order(line), i, line])
	    .sort((a, b) => a[0].localeCompare(b[0]) || a[1] - b[1])
	    .map((item) => item[2])
	    .concat(lines.filter((line) => added.includes(line)).sort());
}

async function compare(one, reference, ours) {
	const [theirs, got] = await Promise.all(
	    [play(one, reference), play(one, ours)]);
	const added = one.differences.filter((d) => d[0] === null)
	    .map((d) => d[1]);
	const wanted = by_speaker(expected(theirs, one.differences), added);
	const have = by_speaker(got, added);

	if (JSON.stringify(wanted) === JSON.stringify(have))
		return true;
	console.log(`FAILED: ${one.name}`);
	console.log('  reference, with our differences:\n    ' +
	    wanted.join('\n    '));
	console.log('  ours:\n    ' + have.join('\n    '));
	return false;
}

function listen() {
	return new Promise((done) => {
		PeerServer({ host: '127.0.0.1', port: 0, allow_discovery: true,
			concurrent_limit: LIMIT },
		    (server) => done(server.address().port))
		    // without a listener broken JSON ends the process
		    .on('error', () => {});
	});
}

const ours = new Place('ours', process.argv[2]);
const reference = new Place('reference', await listen());
const chosen = process.argv.slice(3);
let good = 0, bad = 0;

for (const one of scenarios) {
	if (chosen.length > 0 && !chosen.includes(one.name))
		continue;
	if (await compare(one, reference, ours))
		good++;
	else
		bad++;
	for (const why of new Set(one.differences.map((d) => d[2])))
		console.log(`differs: ${one.name}: ${why}`);
}
console.log(`${good} of ${good + bad} scenarios are the same`);
process.exit(bad === 0 && good > 0 ? 0 : 1);
