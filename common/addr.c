#include "common/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const uint8_t *
addr_host(const struct addr *a, size_t *len)
{
	if (addr_family(a) == AF_INET6) {
		*len = sizeof(a->u.in6.sin6_addr);
		return a->u.in6.sin6_addr.s6_addr;
	}
	*len = addr_family(a) == AF_INET ? sizeof(a->u.in4.sin_addr) : 0;
	return (const uint8_t *)&a->u.in4.sin_addr;
}

void
addr_make(struct addr *out, const uint8_t *host, size_t len, uint16_t port)
{
	struct addr a;

	assert(len == 4 || len == 16);
	memset(&a, 0, sizeof(a));
	if (len == 4) {
		a.u.in4.sin_family = AF_INET;
		memcpy(&a.u.in4.sin_addr, host, 4);
	} else {
		a.u.in6.sin6_family = AF_INET6;
		memcpy(&a.u.in6.sin6_addr, host, 16);
	}
	addr_set_port(&a, port);
	*out = a; /* host may lie inside *out */
}

bool
addr_from_sockaddr(struct addr *out, const struct sockaddr *sa, socklen_t len)
{
	struct addr a;

	memset(&a, 0, sizeof(a));
	if (len >= sizeof(a.u.in4) && sa->sa_family == AF_INET) {
		memcpy(&a.u.in4, sa, sizeof(a.u.in4));
		memset(a.u.in4.sin_zero, 0, sizeof(a.u.in4.sin_zero));
	} else if (len >= sizeof(a.u.in6) && sa->sa_family == AF_INET6) {
		memcpy(&a.u.in6, sa, sizeof(a.u.in6));
		a.u.in6.sin6_flowinfo = 0;
	} else {
		return false;
	}
	*out = a;
	return true;
}

/* ---- text */

/* Reads len bytes as a decimal of at most max; no sign, no blank. */
static bool
parse_decimal(unsigned *out, const char *text, unsigned max)
{
	unsigned n = 0;
	size_t len = strlen(text);

	if (len == 0 || len > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
	}
	*out = n;
	return n <= max;
}

/* Reads the first len bytes of text as a bare host. */
static int
parse_host(struct addr *out, const char *text, size_t len)
{
	char host[INET6_ADDRSTRLEN];
	uint8_t raw[16];

	if (len >= sizeof(host))
		return EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, raw) == 1)
		addr_make(out, raw, 4, 0);
	else if (inet_pton(AF_INET6, host, raw) == 1)
		addr_make(out, raw, 16, 0);
	else
		return EINVAL;
	return 0;
}

/* Where the host of text ends: at "]", at the only ":", or at the end. */
static const char *
find_host_end(const char *text)
{
	const char *colon = strchr(text, ':');

	if (*text == '[')
		return strchr(text, ']');
	if (colon != NULL && strchr(colon + 1, ':') == NULL)
		return colon;
	return text + strlen(text);
}

int
addr_parse(struct addr *out, const char *text)
{
	const char *end = find_host_end(text);
	const bool bracket = *text == '[';
	const char *host = bracket ? text + 1 : text;
	struct addr a;
	unsigned port = 0;

	if (end == NULL || parse_host(&a, host, (size_t)(end - host)) != 0)
		return EINVAL;
	/* brackets are for IPv6, a bare colon is for IPv4 */
	if (bracket != (addr_family(&a) == AF_INET6) && (bracket || *end != 0))
		return EINVAL;
	if (bracket)
		end++;
	if (*end != '\0' &&
	    (*end != ':' || !parse_decimal(&port, end + 1, UINT16_MAX)))
		return EINVAL;
	addr_set_port(&a, (uint16_t)port);
	*out = a;
	return 0;
}

const char *
addr_format_host(const struct addr *a, char text[ADDR_TEXT_MAX])
{
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	if (len == 0 ||
	    inet_ntop(addr_family(a), host, text, ADDR_TEXT_MAX) == NULL)
		memcpy(text, "none", sizeof("none"));
	return text;
}

const char *
addr_format(const struct addr *a, char text[ADDR_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];
	const bool six = addr_family(a) == AF_INET6;

	addr_format_host(a, host);
	if (addr_is_none(a))
		memcpy(text, host, sizeof("none"));
	else
		snprintf(text, ADDR_TEXT_MAX, "%s%.*s%s:%u", six ? "[" : "",
		    INET6_ADDRSTRLEN, host, six ? "]" : "", addr_port(a));
	return text;
}

/* ---- comparing */

bool
addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	return len > 0 && memcmp(host, zero, len) == 0;
}

bool
addr_is_loopback(const struct addr *a)
{
	if (addr_family(a) == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->u.in6.sin6_addr);
	return addr_family(a) == AF_INET &&
	    ntohl(a->u.in4.sin_addr.s_addr) >> 24 == 127;
}

/* ---- canonical form */

/* Ways to fold an IPv4 address into an IPv6 one. */
static const struct folding {
	uint8_t prefix[12];
	uint8_t prefix_len; /* bytes */
	uint8_t at;         /* where the IPv4 address stands */
	uint8_t flip;       /* its bits are XORed with this */
} foldings[] = {
	/* mapped: RFC 4291, section 2.5.5.2 */
	{ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 12, 12, 0 },
	/* compatible: RFC 4291, section 2.5.5.1 */
	{ { 0 }, 12, 12, 0 },
	/* 6to4: RFC 3056, section 2 */
	{ { 0x20, 0x02 }, 2, 2, 0 },
	/* NAT64, well-known prefix: RFC 6052, section 2.1 */
	{ { 0x00, 0x64, 0xff, 0x9b }, 12, 12, 0 },
	/* Teredo, the client's address: RFC 4380, section 4 */
	{ { 0x20, 0x01, 0x00, 0x00 }, 4, 12, 0xff },
};

static const struct folding *
find_folding(const uint8_t *host)
{
	for (size_t i = 0; i < sizeof(foldings) / sizeof(foldings[0]); i++) {
		const struct folding *f = &foldings[i];

		if (memcmp(host, f->prefix, f->prefix_len) == 0)
			return f;
	}
	return NULL;
}

void
addr_canonical(struct addr *out, const struct addr *a)
{
	const struct folding *f = NULL;
	size_t len;
	const uint8_t *host = addr_host(a, &len);
	uint8_t v4[4];

	if (len == 16 && !addr_is_any(a) && !addr_is_loopback(a))
		f = find_folding(host);
	if (f == NULL) {
		*out = *a;
		return;
	}
	for (size_t i = 0; i < sizeof(v4); i++)
		v4[i] = host[f->at + i] ^ f->flip;
	addr_make(out, v4, sizeof(v4), addr_port(a));
}

/* ---- prefixes */

void
addr_mask(
    struct addr *out, const struct addr *a, unsigned v4bits, unsigned v6bits)
{
	unsigned bits = addr_family(a) == AF_INET6 ? v6bits : v4bits;
	uint8_t cut[16] = { 0 };
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	if (len == 0) {
		memset(out, 0, sizeof(*out));
		return;
	}
	assert(bits <= len * 8);
	memcpy(cut, host, bits / 8);
	if (bits % 8 != 0)
		cut[bits / 8] = host[bits / 8] & (uint8_t)(0xff00 >> bits % 8);
	addr_make(out, cut, len, 0);
}

bool
addr_prefix_has(const struct addr_prefix *p, const struct addr *a)
{
	struct addr cut;

	if (addr_is_none(a) || addr_family(a) != addr_family(&p->base))
		return false;
	addr_mask(&cut, a, p->bits, p->bits);
	return addr_equal_host(&cut, &p->base);
}

int
addr_prefix_parse(struct addr_prefix *out, const char *text)
{
	const char *end = strchrnul(text, '/');
	struct addr_prefix p;
	size_t len;

	if (parse_host(&p.base, text, (size_t)(end - text)) != 0)
		return EINVAL;
	addr_host(&p.base, &len);
	p.bits = (unsigned)len * 8;
	if (*end == '/' && !parse_decimal(&p.bits, end + 1, p.bits))
		return EINVAL;
	if (!addr_prefix_has(&p, &p.base))
		return EINVAL; /* host bits are set */
	*out = p;
	return 0;
}

const char *
addr_prefix_format(const struct addr_prefix *p, char text[ADDR_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];

	addr_format_host(&p->base, host);
	snprintf(
	    text, ADDR_TEXT_MAX, "%.*s/%u", INET6_ADDRSTRLEN, host, p->bits);
	return text;
}
