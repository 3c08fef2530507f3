/*
 * reader: a WebSocket's bytes as they arrive: frames made into pieces of
 * messages and control frames, checked by all that RFC 6455 says of them.
 * Pure; what was read is unmasked where it lies.
 *
 * What a frame's bytes are is told as they come, so that a message of any
 * length needs no room here.
 */
#ifndef COMMON_WS_READER_H
#define COMMON_WS_READER_H

#include "common/ws/frame.h"
#include "common/ws/utf8.h"

enum ws_event {
	WS_NOTHING, /* more bytes are needed, `used` of these are done with */
	WS_PIECE,   /* of a message */
	WS_CONTROL, /* a whole control frame: see opcode */
	WS_BROKEN,  /* close with `code`; nothing more can be read */
};

struct ws_piece {
	size_t used;           /* bytes of the input; piece included */
	enum ws_opcode opcode; /* of the message: TEXT or BINARY; CLOSE.. */
	uint8_t *data;         /* in the input */
	size_t len;
	bool is_first, is_last; /* of its message */
	int code;               /* WS_BROKEN */
};

/* Zeroed but for what stands first. */
struct ws_reader {
	uint64_t max;          /* bytes of one message */
	size_t piece;          /* bytes of one piece; 0: any */
	bool is_client;        /* whose server does not mask */
	uint64_t so_far;       /* of the message at hand, by frame headers */
	struct ws_frame frame; /* at hand; len: what is missing of it */
	enum ws_opcode opcode; /* of the message at hand, 0: none */
	bool is_inside;        /* a data frame */
	bool is_begun;         /* a piece of the message was told */
	struct ws_utf8 text;
};

/* Reads on: one event.  data: what came behind `used` of the last call. */
enum ws_event ws_reader_next(
    struct ws_reader *r, struct ws_piece *out, uint8_t *data, size_t len);

#endif
