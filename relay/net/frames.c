#include "net/frames.h"

#include "common/stun/attr.h"
#include "common/stun/channel.h"
#include "net/demux.h"

enum { SURE = 8 }; /* bytes that tell STUN: up to its magic cookie */

/* ---- from the client */

static void
deliver(struct net_stream *s, uint8_t *data, size_t message)
{
	struct buf b;

	/* others lie in front of it and behind it */
	buf_init(&b, data, message, 0);
	b.len = (uint32_t)message;
	net_conn_deliver(&s->conn, &b);
}

/* How long is the frame at data?  0: more bytes are needed, or s was ended. */
static size_t
find_frame(
    struct net_stream *s, const uint8_t *data, size_t len, size_t *message)
{
	size_t frame;

	if (len < STUN_FRAME_NEED)
		return 0;
	if (stun_frame_size(&frame, message, data, len) != 0 ||
	    (frame > STREAM_NEW_MAX && !s->conn.is_kept)) {
		net_conn_drop(&s->conn, STATS_DROP_STREAM_BROKEN);
		return 0;
	}
	if (len >= frame)
		return frame;
	if (len >= SURE)
		s->need = frame;
	return 0;
}

static size_t
take_frames(struct net_stream *s, uint8_t *data, size_t len)
{
	size_t done = 0, frame, message;

	while (net_stream_is_alive(s)) {
		frame = find_frame(s, data + done, len - done, &message);
		if (frame == 0)
			break;
		deliver(s, data + done, message);
		done += frame;
	}
	return done;
}

/* ---- to the client */

/* How many bytes may wait, b included: answers may use as much again as
 * media. */
static size_t
find_limit(const struct net_conn *c, const struct buf *b)
{
	if (!c->is_kept)
		return STREAM_NEW_MAX;
	if (net_demux_datagram(b->data, b->len) == NET_DEMUX_CHANNEL)
		return STREAM_OUT_MAX;
	return 2 * STREAM_OUT_MAX;
}

static void
send_frame(struct net_stream *s, const struct buf *b)
{
	const size_t pad = stun_padded(b->len) - b->len;

	if (s->out.len + b->len + pad > find_limit(&s->conn, b)) {
		net_dropped(s->conn.net, STATS_DROP_STREAM_FULL);
		return;
	}
	if (net_stream_push(s, b->data, b->len, pad) != 0)
		net_dropped(s->conn.net, STATS_DROP_NO_MEMORY);
}

const struct net_protocol net_frames = {
	.ready = net_stream_take,
	.input = take_frames,
	.send = send_frame,
};
