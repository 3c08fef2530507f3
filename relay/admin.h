/*
 * admin: /metrics, /health and /status.json over HTTP, on admin.listen.
 *
 * OWNER: main.  GET only; heads, bodies and idle time are bounded.
 */
#ifndef RELAY_ADMIN_H
#define RELAY_ADMIN_H

#include <stddef.h>

#include "common/code.h"

struct addr;
struct admin;
struct server;

enum {
	ADMIN_HEADERS_MAX = 8 * 1024,
	ADMIN_BODY_MAX = 1024,
	ADMIN_TIMEOUT_S = 10,
};

/* Returns 0, or an errno with a sentence in why.  Borrows s. */
MUST_CHECK int admin_open(struct admin **out, struct server *s,
    const struct addr *at, char *why, size_t why_size);
void admin_close(struct admin *a); /* NULL is legal */

#endif
