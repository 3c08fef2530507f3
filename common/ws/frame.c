#include "common/ws/frame.h"

#include <errno.h>
#include <string.h>

#include "common/cursor.h"
#include "common/ws/utf8.h"

enum {
	FINAL = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	MASKED = 0x80,
	LENGTH = 0x7f,
	LENGTH_16 = 126, /* the next two bytes tell */
	LENGTH_64 = 127, /* the next eight bytes tell */
};

/* ---- headers */

static bool
is_known(uint8_t first)
{
	const unsigned opcode = first & OPCODE;

	return (first & RESERVED) == 0 &&
	    (opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG));
}

static size_t
head_size(uint8_t second)
{
	const unsigned len = second & LENGTH;

	return 2u + (len == LENGTH_16 ? 2 : 0) + (len == LENGTH_64 ? 8 : 0) +
	    ((second & MASKED) != 0 ? WS_MASK_LEN : 0);
}

/* Section 5.2: in as few bytes as it takes, and below 2^63. */
static int
read_length(uint64_t *out, struct cursor *c, unsigned len)
{
	uint64_t high;

	*out = len;
	if (len == LENGTH_16) {
		*out = cursor_u16(c);
		return *out < LENGTH_16 ? EPROTO : 0;
	}
	if (len != LENGTH_64)
		return 0;
	high = cursor_u32(c);
	*out = high << 32 | cursor_u32(c);
	return *out <= UINT16_MAX || high >> 31 != 0 ? EPROTO : 0;
}

int
ws_frame_read(
    struct ws_frame *out, size_t *size, const uint8_t *data, size_t len)
{
	struct ws_frame f = { 0 };
	struct cursor c;

	/* what is wrong already need not wait for the rest */
	if (len > 0 && !is_known(data[0]))
		return EPROTO;
	if (len < 2)
		return EAGAIN;
	f.opcode = data[0] & OPCODE;
	f.is_final = (data[0] & FINAL) != 0;
	f.is_masked = (data[1] & MASKED) != 0;
	if (ws_frame_is_control(&f) &&
	    (!f.is_final || (data[1] & LENGTH) > WS_CONTROL_MAX))
		return EPROTO;
	if (len < head_size(data[1]))
		return EAGAIN;
	cursor_init(&c, data + 2, len - 2);
	if (read_length(&f.len, &c, data[1] & LENGTH) != 0)
		return EPROTO;
	if (f.is_masked)
		memcpy(f.mask, c.at, WS_MASK_LEN);
	*size = head_size(data[1]);
	*out = f;
	return 0;
}

size_t
ws_frame_write(uint8_t out[WS_HEAD_MAX], const struct ws_frame *f)
{
	uint8_t *at = out;

	*at++ = (uint8_t)((f->is_final ? FINAL : 0) | f->opcode);
	*at = f->is_masked ? MASKED : 0;
	if (f->len < LENGTH_16) {
		*at++ |= (uint8_t)f->len;
	} else if (f->len <= UINT16_MAX) {
		*at++ |= LENGTH_16;
		*at++ = (uint8_t)(f->len >> 8);
		*at++ = (uint8_t)f->len;
	} else {
		*at++ |= LENGTH_64;
		for (int shift = 56; shift >= 0; shift -= 8)
			*at++ = (uint8_t)(f->len >> shift);
	}
	if (f->is_masked) {
		memcpy(at, f->mask, WS_MASK_LEN);
		at += WS_MASK_LEN;
	}
	return (size_t)(at - out);
}

/* ---- masks */

void
ws_frame_mask(uint8_t *data, size_t len, const uint8_t mask[WS_MASK_LEN])
{
	uint64_t twice, word;
	uint32_t once;
	size_t i = 0;

	memcpy(&once, mask, sizeof(once));
	twice = (uint64_t)once << 32 | once;
	for (; len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		word ^= twice;
		memcpy(data + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		data[i] ^= mask[i % WS_MASK_LEN];
}

void
ws_frame_turn_mask(uint8_t mask[WS_MASK_LEN], size_t len)
{
	uint8_t was[WS_MASK_LEN];

	memcpy(was, mask, sizeof(was));
	for (size_t i = 0; i < WS_MASK_LEN; i++)
		mask[i] = was[(i + len) % WS_MASK_LEN];
}

/* ---- close frames */

bool
ws_close_may_say(unsigned code)
{
	if (code >= 3000)
		return code <= 4999;
	/* 1004 to 1006 and 1015 are reserved */
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

int
ws_close_read(unsigned *code, const uint8_t *payload, size_t len)
{
	struct ws_utf8 text = { 0 };

	*code = WS_CODE_NONE;
	if (len == 0)
		return 0;
	if (len == 1)
		return WS_CODE_PROTOCOL;
	*code = (unsigned)payload[0] << 8 | payload[1];
	if (!ws_close_may_say(*code))
		return WS_CODE_PROTOCOL;
	if (!ws_utf8_feed(&text, payload + 2, len - 2) ||
	    !ws_utf8_is_whole(&text))
		return WS_CODE_NOT_TEXT;
	return 0;
}

/* How much of text fits, without cutting a character. */
static size_t
fit(const char *text, size_t room)
{
	size_t len = strlen(text);

	if (len <= room)
		return len;
	for (len = room; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

size_t
ws_close_write(uint8_t out[WS_CONTROL_MAX], unsigned code, const char *reason)
{
	const size_t len = reason != NULL ? fit(reason, WS_REASON_MAX) : 0;

	out[0] = (uint8_t)(code >> 8);
	out[1] = (uint8_t)code;
	if (len > 0)
		memcpy(out + 2, reason, len);
	return 2 + len;
}
