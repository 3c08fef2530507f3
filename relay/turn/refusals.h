/*
 * refusals: whose requests were refused lately, and why; the same one again
 * is counted, so that a flood does not push the others out at once.
 *
 * What a client does as a matter of course is no refusal: a first request
 * without credentials, a nonce that has expired.
 *
 * OWNER: worker.
 */
#ifndef RELAY_TURN_REFUSALS_H
#define RELAY_TURN_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/mono.h"

struct turn_request;
struct turn_refusals;

enum {
	TURN_REFUSALS_MAX = 256,
	TURN_REFUSALS_USER_MAX = 64,
};

struct turn_refusal {
	mono_ms at; /* the last one's */
	struct addr client;
	uint32_t count;
	uint16_t method; /* enum stun_method */
	int16_t code;
	const char *reason; /* constant: why authentication failed; or NULL */
	bool is_proved;     /* the user is who they say */
	uint8_t user_len;
	char user[TURN_REFUSALS_USER_MAX]; /* its beginning; no NUL */
};

/* Returns NULL when memory is short. */
struct turn_refusals *turn_refusals_new(void);
void turn_refusals_free(struct turn_refusals *r);

void turn_refusals_add(
    struct turn_refusals *r, const struct turn_request *rq, int code);

typedef void turn_refusal_fn(void *arg, const struct turn_refusal *one);
/* The latest first. */
void turn_refusals_each(
    const struct turn_refusals *r, turn_refusal_fn *fn, void *arg);

#endif
