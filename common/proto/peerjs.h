/*
 * peerjs: the messages of PeerServer, the signalling server of PeerJS 1.x.
 * Pure: text in, struct out, and back.
 *
 * What a client says is {"type","dst","payload"}; what reaches the other one
 * is {"type","src","dst","payload"} with the sender's true id as src.  The
 * payload is any JSON value and is handed on byte for byte.
 */
#ifndef COMMON_PROTO_PEERJS_H
#define COMMON_PROTO_PEERJS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

enum {
	PROTO_PEERJS_ID_MAX = 64,
	PROTO_PEERJS_TOKEN_MAX = 64,
	PROTO_PEERJS_DEPTH_MAX = 32,
	PROTO_PEERJS_UUID_LEN = 36,
	/* What proto_peerjs_write adds to the payload, at most */
	PROTO_PEERJS_FRAME_MAX = 64 + 2 * PROTO_PEERJS_ID_MAX,
};

enum proto_peerjs_type {
	PROTO_PEERJS_HEARTBEAT,
	PROTO_PEERJS_OFFER,
	PROTO_PEERJS_ANSWER,
	PROTO_PEERJS_CANDIDATE,
	PROTO_PEERJS_LEAVE,
	PROTO_PEERJS_EXPIRE,
	PROTO_PEERJS_TYPES
};

/* 1..64 bytes; not terminated. */
struct proto_peerjs_id {
	uint8_t len; /* 0: none */
	char at[PROTO_PEERJS_ID_MAX];
};

struct proto_peerjs_message {
	enum proto_peerjs_type type;
	struct proto_peerjs_id src; /* not read: set before writing */
	struct proto_peerjs_id dst;
	const char *payload; /* a slice of the text; NULL: none */
	size_t payload_len;
};

/* Reads what a client said.  Returns 0; EBADMSG: no message of ours, a type
 * that is unknown or a dst that can be nobody; or ENOMEM. */
MUST_CHECK int proto_peerjs_read(
    struct proto_peerjs_message *out, const char *text, size_t len);

/* Writes m as another client hears it.  Returns its length; 0: it does not
 * fit into size. */
size_t proto_peerjs_write(
    char *out, size_t size, const struct proto_peerjs_message *m);

/* Is m kept for a dst that is not there (yet)? */
bool proto_peerjs_waits(enum proto_peerjs_type type);

/* An id is printable ASCII without '"' and '\\': it needs no escape.  Returns
 * 0, or EINVAL. */
MUST_CHECK int
proto_peerjs_id(struct proto_peerjs_id *out, const char *at, size_t len);
bool proto_peerjs_same(
    const struct proto_peerjs_id *a, const struct proto_peerjs_id *b);

/* An id made up from random bytes: a version 4 UUID (RFC 9562). */
void proto_peerjs_uuid(
    char out[PROTO_PEERJS_UUID_LEN + 1], const uint8_t random[16]);

#endif
