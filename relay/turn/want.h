/*
 * want: what an Allocate request asks for (RFC 8656, section 7.2).
 */
#ifndef RELAY_TURN_WANT_H
#define RELAY_TURN_WANT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/code.h"
#include "common/stun/attr.h"
#include "turn/ports.h"

enum {
	TURN_LIFETIME_S = 600,      /* RFC 8656, section 7.2: default */
	TURN_LIFETIME_MAX_S = 3600, /* and the recommended maximum */
};

struct turn_want {
	const uint8_t *token; /* RESERVATION-TOKEN, borrowed, or NULL */
	enum turn_ports_want ports;
	bool v4;
	bool v6;
	uint32_t lifetime_s;
};

/* Returns 0, 400, 440 (unknown family) or 442 (transport is not UDP). */
MUST_CHECK int turn_want_read(struct turn_want *out, const struct stun_msg *m);

/* LIFETIME as it will be granted; refresh: 0 stays 0.  0 or 400. */
MUST_CHECK int
turn_want_lifetime(uint32_t *out, const struct stun_msg *m, bool refresh);

#endif
