#include "common/ws/reader.h"

#include <errno.h>

static enum ws_event
broken(struct ws_piece *out, int code)
{
	out->code = code;
	return WS_BROKEN;
}

/* ---- control frames: told when they are whole */

static enum ws_event
take_control(struct ws_piece *out, const struct ws_frame *f, size_t head,
    uint8_t *data, size_t len)
{
	if (len - out->used - head < f->len)
		return WS_NOTHING;
	out->opcode = f->opcode;
	out->data = data + out->used + head;
	out->len = (size_t)f->len;
	out->used += head + out->len;
	ws_frame_mask(out->data, out->len, f->mask);
	return WS_CONTROL;
}

/* ---- messages */

/* Section 5.4.  Returns 0, or the code of what is wrong. */
static int
begin_data(struct ws_reader *r, const struct ws_frame *f)
{
	if ((f->opcode == WS_CONTINUATION) != (r->opcode != 0))
		return WS_CODE_PROTOCOL;
	if (f->len > r->max - r->so_far)
		return WS_CODE_TOO_BIG;
	if (r->opcode == 0)
		r->opcode = f->opcode;
	r->so_far += f->len;
	r->frame = *f;
	r->is_inside = true;
	return 0;
}

static void
end_message(struct ws_reader *r)
{
	r->opcode = 0;
	r->so_far = 0;
	r->is_begun = false;
}

/* Fills out with what is there of the frame at hand.  Returns 0, or the code
 * of what is wrong. */
static int
take_data(struct ws_reader *r, struct ws_piece *out, uint8_t *data, size_t len)
{
	size_t n = len < r->frame.len ? len : (size_t)r->frame.len;

	if (r->piece > 0 && n > r->piece)
		n = r->piece;
	ws_frame_mask(data, n, r->frame.mask);
	r->frame.len -= n;
	r->is_inside = r->frame.len > 0;
	out->opcode = r->opcode;
	out->data = data;
	out->len = n;
	out->used += n;
	out->is_first = !r->is_begun;
	out->is_last = !r->is_inside && r->frame.is_final;
	if (r->opcode == WS_TEXT &&
	    (!ws_utf8_feed(&r->text, data, n) ||
		(out->is_last && !ws_utf8_is_whole(&r->text))))
		return WS_CODE_NOT_TEXT;
	if (r->is_inside)
		ws_frame_turn_mask(r->frame.mask, n);
	r->is_begun = r->is_begun || n > 0;
	if (out->is_last)
		end_message(r);
	return 0;
}

/* ---- one event */

enum ws_event
ws_reader_next(
    struct ws_reader *r, struct ws_piece *out, uint8_t *data, size_t len)
{
	struct ws_frame f;
	size_t head;
	int code;

	*out = (struct ws_piece){ 0 };
	/* frames without content are passed over */
	while (len > out->used || r->is_inside) {
		if (!r->is_inside) {
			code = ws_frame_read(
			    &f, &head, data + out->used, len - out->used);
			if (code == EAGAIN)
				return WS_NOTHING;
			if (code != 0 || f.is_masked == r->is_client)
				return broken(out, WS_CODE_PROTOCOL);
			if (ws_frame_is_control(&f))
				return take_control(out, &f, head, data, len);
			if ((code = begin_data(r, &f)) != 0)
				return broken(out, code);
			out->used += head;
		}
		code = take_data(r, out, data + out->used, len - out->used);
		if (code != 0)
			return broken(out, code);
		if (out->len > 0 || out->is_last)
			return WS_PIECE;
		if (r->is_inside)
			return WS_NOTHING;
	}
	return WS_NOTHING;
}
