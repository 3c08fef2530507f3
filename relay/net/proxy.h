/*
 * proxy: the PROXY protocol's binary header, version 2: who a load balancer
 * forwards for.  Pure.
 *
 *	signature (12) | version, command | family, protocol | length (2)
 *	addresses of family | options, ignored
 */
#ifndef RELAY_NET_PROXY_H
#define RELAY_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

enum {
	PROXY_HEAD_LEN = 16,
	/* options of known balancers stay below 500 bytes */
	PROXY_MAX = PROXY_HEAD_LEN + 1024,
};

struct net_proxy {
	bool is_local; /* the balancer itself (health check): no addresses */
	struct addr client;
	struct addr local;
};

/* How long is the header that begins with head?  EBADMSG: none, or longer
 * than PROXY_MAX. */
MUST_CHECK int net_proxy_size(size_t *size, const uint8_t head[PROXY_HEAD_LEN]);
/* Reads a whole header.  Returns 0, or EBADMSG (malformed, or not TCP over
 * IP). */
MUST_CHECK int
net_proxy_parse(struct net_proxy *out, const uint8_t *data, size_t len);

#endif
