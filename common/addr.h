/*
 * addr: an IPv4 or IPv6 transport address, and CIDR prefixes.
 *
 * Plain values, copied freely.  An addr of zero bytes is "none".
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/code.h"

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
	} u;
};

struct addr_prefix {
	struct addr base; /* host bits zero, port 0 */
	unsigned bits;
};

/* "[2001:db8::1%eth0]:65535" and change */
enum { ADDR_TEXT_MAX = 72 };

static inline int
addr_family(const struct addr *a)
{
	return a->u.sa.sa_family;
}

static inline bool
addr_is_none(const struct addr *a)
{
	return a->u.sa.sa_family == 0;
}

/* Host byte order. */
static inline uint16_t
addr_port(const struct addr *a)
{
	/* sin_port and sin6_port share their place */
	return ntohs(a->u.in4.sin_port);
}

static inline void
addr_set_port(struct addr *a, uint16_t port)
{
	a->u.in4.sin_port = htons(port);
}

/* Length to hand to the kernel: sockaddr_in or sockaddr_in6. */
static inline socklen_t
addr_len(const struct addr *a)
{
	return a->u.sa.sa_family == AF_INET6
	    ? (socklen_t)sizeof(struct sockaddr_in6)
	    : (socklen_t)sizeof(struct sockaddr_in);
}

/* Host bytes without port: 4 or 16, in network order. */
const uint8_t *addr_host(const struct addr *a, size_t *len);

/* Builds an address from raw host bytes (4 or 16) and a port. */
void
addr_make(struct addr *out, const uint8_t *host, size_t len, uint16_t port);

/* From what the kernel returned; false when it is no IP address. */
bool
addr_from_sockaddr(struct addr *out, const struct sockaddr *sa, socklen_t len);

/*
 * Reads "1.2.3.4", "1.2.3.4:5", "2001:db8::1", "[2001:db8::1]:5".
 * Names are not resolved.  Returns 0 or EINVAL.
 */
MUST_CHECK int addr_parse(struct addr *out, const char *text);

/* Writes host:port, IPv6 in brackets; the host alone.  Returns text. */
const char *addr_format(const struct addr *a, char text[ADDR_TEXT_MAX]);
const char *addr_format_host(const struct addr *a, char text[ADDR_TEXT_MAX]);

/* Host and port equal; hosts alone equal.  Several times a packet: IPv4 is
 * one comparison. */
static inline bool
addr_equal_host(const struct addr *a, const struct addr *b)
{
	if (addr_family(a) != addr_family(b))
		return false;
	if (addr_family(a) == AF_INET6)
		return memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr,
			   sizeof(a->u.in6.sin6_addr)) == 0;
	return addr_is_none(a) ||
	    a->u.in4.sin_addr.s_addr == b->u.in4.sin_addr.s_addr;
}

static inline bool
addr_equal(const struct addr *a, const struct addr *b)
{
	uint64_t x, y;

	if (addr_family(a) == AF_INET) {
		/* family, port and host lie side by side */
		memcpy(&x, a, sizeof(x));
		memcpy(&y, b, sizeof(y));
		return x == y;
	}
	return a->u.in4.sin_port == b->u.in4.sin_port && addr_equal_host(a, b);
}

/*
 * Canonical form: the IPv4 address folded into a mapped (::ffff:0:0/96),
 * compatible (::/96), 6to4 (2002::/16), NAT64 (64:ff9b::/96) or Teredo
 * (2001::/32, client part) address comes out as IPv4 with the same port;
 * any other address unchanged.  "::" and "::1" stay IPv6.
 */
void addr_canonical(struct addr *out, const struct addr *a);

bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a);

/* Reads "10.0.0.0/8", "2001:db8::/32" or a bare host.  Host bits must be
 * zero.  Returns 0 or EINVAL. */
MUST_CHECK int addr_prefix_parse(struct addr_prefix *out, const char *text);
bool addr_prefix_has(const struct addr_prefix *p, const struct addr *a);
const char *
addr_prefix_format(const struct addr_prefix *p, char text[ADDR_TEXT_MAX]);

/* Cuts a to its first v4bits or v6bits, port 0: the key of a per-prefix
 * table (RFC 8656 has none; /24 and /56 are our choice). */
void addr_mask(
    struct addr *out, const struct addr *a, unsigned v4bits, unsigned v6bits);

#endif
