/*
 * frame: WebSocket frames (RFC 6455, section 5), bytes in and bytes out.
 * Pure; nothing is copied, nothing kept but the header of the frame at hand.
 */
#ifndef COMMON_WS_FRAME_H
#define COMMON_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

enum {
	WS_HEAD_MAX = 14,
	WS_MASK_LEN = 4,
	WS_CONTROL_MAX = 125, /* bytes of a control frame, section 5.5 */
	WS_REASON_MAX = WS_CONTROL_MAX - 2,
};

/* section 7.4.1 */
enum ws_code {
	WS_CODE_NORMAL = 1000,
	WS_CODE_AWAY = 1001,
	WS_CODE_PROTOCOL = 1002,
	WS_CODE_NONE = 1005,   /* never sent */
	WS_CODE_BROKEN = 1006, /* never sent */
	WS_CODE_NOT_TEXT = 1007,
	WS_CODE_POLICY = 1008,
	WS_CODE_TOO_BIG = 1009,
	WS_CODE_LATER = 1013,
};

struct ws_frame {
	enum ws_opcode opcode;
	bool is_final;
	bool is_masked;
	uint8_t mask[WS_MASK_LEN];
	uint64_t len; /* of the payload */
};

static inline bool
ws_frame_is_control(const struct ws_frame *f)
{
	return (f->opcode & 8) != 0;
}

/*
 * Reads the header at data; *size: how long it is.  Returns 0, EAGAIN (more
 * bytes are needed) or EPROTO: reserved bits or opcode, a length in more
 * bytes than it needs, a control frame too long or in fragments.
 */
MUST_CHECK int ws_frame_read(
    struct ws_frame *out, size_t *size, const uint8_t *data, size_t len);
/* Writes f's header.  Returns its length. */
size_t ws_frame_write(uint8_t out[WS_HEAD_MAX], const struct ws_frame *f);

/* Masks, or unmasks, in place; mask begins with the first byte of data. */
void ws_frame_mask(uint8_t *data, size_t len, const uint8_t mask[WS_MASK_LEN]);
/* The mask for what comes behind len more bytes. */
void ws_frame_turn_mask(uint8_t mask[WS_MASK_LEN], size_t len);

/* May code stand in a close frame (section 7.4)? */
bool ws_close_may_say(unsigned code);
/* Reads the payload of a close frame; *code: WS_CODE_NONE without one.
 * Returns 0, or the code of what is wrong with it. */
MUST_CHECK int
ws_close_read(unsigned *code, const uint8_t *payload, size_t len);
/* Writes one; reason, cut where it is too long, may be NULL.  Returns its
 * length. */
size_t
ws_close_write(uint8_t out[WS_CONTROL_MAX], unsigned code, const char *reason);

#endif
