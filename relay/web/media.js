// media: this page's microphone, camera and screen, shared by all its calls.
// change() is called whenever what is sent has changed.

const AUDIO = { echoCancellation: true, noiseSuppression: true,
	autoGainControl: true };
const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 },
	frameRate: { ideal: 30 } };

const WHY = {
	NotAllowedError: "was not allowed",
	NotFoundError: "was not found",
	NotReadableError: "is used by another program",
};

export class Media {
	constructor()
	{
		this.audio = null;	// tracks
		this.camera = null;
		this.screen = null;
		this.isMuted = false;
		this.change = () => undefined;
	}

	tracks()
	{
		return { audio: this.audio, video: this.screen ?? this.camera };
	}

	state()
	{
		return { mic: this.audio !== null && !this.isMuted,
			camera: this.camera !== null,
			screen: this.screen !== null };
	}

	// Opens what is wanted and not open yet.  Returns what could not be, as
	// sentences.
	async open({ audio, video })
	{
		const trouble = [];

		if (audio && this.audio === null)
			await this.openOne("audio", trouble);
		if (video && this.camera === null)
			await this.openOne("camera", trouble);
		this.change();
		return trouble;
	}

	async openOne(what, trouble)
	{
		const word = what === "audio" ? "microphone" : "camera";

		try {
			const stream = await navigator.mediaDevices.getUserMedia(
				what === "audio" ? { audio: AUDIO } :
					{ video: VIDEO });
			const track = stream.getTracks()[0];
			this[what] = track;
			track.enabled = what !== "audio" || !this.isMuted;
			track.onended = () => this.close(what);
		} catch (e) {
			trouble.push(`The ${word} ${WHY[e.name] ??
				"cannot be used"}.`);
		}
	}

	close(what)
	{
		this[what]?.stop();
		this[what] = null;
		this.change();
	}

	closeAll()
	{
		for (const what of ["audio", "camera", "screen"]) {
			this[what]?.stop();
			this[what] = null;
		}
		this.isMuted = false;
		this.change();
	}

	// Each of the toggles returns what went wrong, as sentences.
	async toggleMic()
	{
		if (this.audio === null)
			return this.open({ audio: true });
		this.isMuted = !this.isMuted;
		this.audio.enabled = !this.isMuted;
		this.change();
		return [];
	}

	async toggleCamera()
	{
		if (this.camera === null)
			return this.open({ video: true });
		this.close("camera");
		return [];
	}

	async toggleScreen()
	{
		if (this.screen !== null) {
			this.close("screen");
			return [];
		}
		try {
			const stream = await navigator.mediaDevices
				.getDisplayMedia({ video: true });
			this.screen = stream.getVideoTracks()[0];
			this.screen.contentHint = "detail";
			this.screen.onended = () => this.close("screen");
			this.change();
		} catch (e) {
			// the person thought better of it: no word needed
			if (e.name !== "NotAllowedError")
				return ["The screen cannot be shared."];
		}
		return [];
	}
}
