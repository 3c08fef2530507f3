/* fuzz: STUN and ChannelData on a stream.  The input is cut into pieces by
 * sizes taken from itself; the frames found must not depend on the cuts. */
#include <assert.h>
#include <string.h>

#include "common/stun/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FRAME_MAX = 20 + 65532, /* STUN's header and its longest length */
	HELD_MAX = 2 * FRAME_MAX,
};

/* What a receiver has seen: a running hash stands for the frames. */
struct stream {
	uint8_t held[HELD_MAX];
	size_t len;
	uint64_t hash;
	size_t frames;
	bool lost;
};

static void
note(struct stream *s, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ data[i]) * 0x100000001b3u;
	s->hash = (s->hash ^ len) * 0x100000001b3u;
	s->frames++;
}

static void
check_channel(const uint8_t *data, size_t message)
{
	uint16_t number;
	size_t len;

	if (stun_channel_parse(&number, &len, data, message) != 0)
		return;
	assert(stun_channel_is_valid(number));
	assert(len + STUN_CHANNEL_HEADER_LEN == message);
}

/* Takes one frame off the front; false when more bytes are needed. */
static bool
take(struct stream *s)
{
	size_t frame, message;

	if (s->lost || s->len < STUN_FRAME_NEED)
		return false;
	if (stun_frame_size(&frame, &message, s->held, s->len) != 0) {
		s->lost = true;
		return false;
	}
	assert(message >= STUN_FRAME_NEED && message <= frame);
	assert(frame % 4 == 0 && frame - message < 4 && frame <= FRAME_MAX);
	if (s->len < frame)
		return false;
	check_channel(s->held, message);
	note(s, s->held, message);
	s->len -= frame;
	memmove(s->held, s->held + frame, s->len);
	return true;
}

static void
feed(struct stream *s, const uint8_t *data, size_t len)
{
	if (s->lost)
		return;
	assert(s->len + len <= sizeof(s->held));
	memcpy(s->held + s->len, data, len);
	s->len += len;
	while (take(s))
		continue;
}

static void
reset(struct stream *s)
{
	s->len = s->frames = 0;
	s->hash = 0xcbf29ce484222325u;
	s->lost = false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stream whole, pieces;
	size_t n;

	if (size > FRAME_MAX)
		return 0;
	reset(&whole);
	reset(&pieces);
	feed(&whole, data, size);
	for (size_t at = 0, i = 0; at < size; at += n, i++) {
		/* the last bytes tell the sizes: they change no header */
		n = 1 + data[size - 1 - i % size] % 64;
		n = n > size - at ? size - at : n;
		feed(&pieces, data + at, n);
	}
	assert(whole.frames == pieces.frames);
	assert(whole.hash == pieces.hash);
	assert(whole.lost == pieces.lost);
	return 0;
}
