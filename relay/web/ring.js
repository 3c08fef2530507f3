// ring: a soft tone while somebody rings, and the title of the tab.

const EVERY_MS = 2200;
const title = document.title;
let timer = null;
let audio = null;

function tone()
{
	const at = audio.currentTime;

	for (const [hertz, delay] of [[523, 0], [659, 0.18]]) {
		const wave = audio.createOscillator();
		const loud = audio.createGain();
		wave.frequency.value = hertz;
		loud.gain.setValueAtTime(0, at + delay);
		loud.gain.linearRampToValueAtTime(0.08, at + delay + 0.03);
		loud.gain.exponentialRampToValueAtTime(0.0005, at + delay + 0.6);
		wave.connect(loud).connect(audio.destination);
		wave.start(at + delay);
		wave.stop(at + delay + 0.7);
	}
}

// who: who rings; null: nobody any more.
export function ring(who)
{
	document.title = who === null ? title : `${who} is calling`;
	if (who === null) {
		clearInterval(timer);
		timer = null;
		return;
	}
	if (timer !== null)
		return;
	try {
		audio ??= new AudioContext();
		timer = setInterval(tone, EVERY_MS);
		tone();
	} catch {
		// no sound here: the page shows it
	}
}
