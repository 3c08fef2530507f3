/*
 * caller: a blocking TURN client for tests (RFC 8656), on one wire.
 *
 * It sends requests, answers 401 and 438 as a client does, and hands every
 * payload that arrives meanwhile to its sink.
 */
#ifndef TESTS_SUPPORT_CALLER_H
#define TESTS_SUPPORT_CALLER_H

#include "common/stun/integrity.h"
#include "tests/support/wire.h"

enum {
	CALLER_NAME_MAX = 256,
	CALLER_PACKET_MAX = 65536,
	CALLER_TIMEOUT_MS = 5000,
};

/* Which way a payload took. */
enum caller_way { CALLER_DIRECT, CALLER_INDICATION, CALLER_CHANNEL };

struct caller_path {
	enum caller_way way;
	uint16_t channel;
	struct addr peer; /* none for a channel */
};

struct caller {
	struct wire *wire; /* ours */
	void (*sink)(void *arg, const struct caller_path *path,
	    const uint8_t *data, size_t len);
	void *arg;
	bool sign; /* authenticate requests; false to test refusals */
	char user[CALLER_NAME_MAX];
	char password[CALLER_NAME_MAX];
	char realm[CALLER_NAME_MAX];
	uint8_t nonce[STUN_NONCE_MAX];
	size_t nonce_len; /* 0: none yet, the first request goes unsigned */
	struct stun_key key;
	/* the last answer */
	struct stun_msg reply;
	uint8_t packet[CALLER_PACKET_MAX];
	long sent_len; /* of the last request and its answer */
	long reply_len;
};

/* The attributes of a request; called once per attempt. */
typedef void (*caller_fill)(struct pen *p, const uint8_t *tid, void *arg);

/*
 * Sends a request and waits for its answer, which is then c->reply.
 * Returns 0, the error code answered (300-699), ETIMEDOUT, or EPIPE when
 * the connection closed.
 */
MUST_CHECK int caller_request(
    struct caller *c, enum stun_method method, caller_fill fill, void *arg);

/* Sends one payload.  Returns 0 or an errno. */
MUST_CHECK int caller_send(struct caller *c, const struct caller_path *path,
    const uint8_t *data, size_t len);

/* Takes one packet if there is one before deadline and gives a payload to
 * the sink.  Returns 1 taken, 0 nothing, -1 closed. */
MUST_CHECK int caller_poll(struct caller *c, mono_ms deadline);

#endif
