/*
 * turnc: the client's side of TURN (RFC 8656) for test tools: bytes in,
 * bytes out, no sockets, no allocation.
 *
 * A request goes out without credentials first; when turnc_parse meets the
 * 401 (or 438) it takes over realm and nonce, and the same request built
 * again is signed.  With `modern` set and PASSWORD-ALGORITHMS offered, it is
 * signed by SHA-256 and carries USERHASH instead of USERNAME (RFC 8489,
 * section 9.2).
 */
#ifndef TESTS_SUPPORT_TURNC_H
#define TESTS_SUPPORT_TURNC_H

#include "common/stun/channel.h"
#include "common/stun/integrity.h"

enum {
	TURNC_TEXT_MAX = 256,
	TURNC_REQUEST_MAX = 1200,
	TURNC_SEND_MAX = 1600, /* a Send indication with 1500 bytes */
	TURNC_PEERS_MAX = 16,
};

struct turnc {
	char user[TURNC_TEXT_MAX];
	char password[TURNC_TEXT_MAX];
	bool modern;     /* the caller's wish, set after turnc_init */
	bool has_sha256; /* the server offered it */
	char realm[TURNC_TEXT_MAX];
	uint8_t nonce[STUN_NONCE_MAX];
	size_t nonce_len; /* 0: no 401 seen yet */
	struct stun_key key;
	uint32_t id;     /* first 4 bytes of each transaction id */
	uint64_t serial; /* of the last request: the other 8 */
};

/* What to ask for.  Zeroes: the server's own choice. */
struct turnc_want {
	uint32_t lifetime; /* seconds */
	uint8_t family;    /* STUN_FAMILY_* */
	uint8_t transport; /* 0: UDP */
	bool even_port;    /* with reservation */
	bool dont_fragment;
};

struct turnc_answer {
	enum stun_method method;
	enum stun_class class;
	uint64_t serial; /* of the request that is answered */
	int code;        /* 0 success, else ERROR-CODE */
	bool may_retry;  /* 401 or 438 that brought new credentials */
	uint32_t lifetime;
	struct addr relayed, mapped; /* none when absent */
	struct addr peer;            /* Data indication */
	const uint8_t *data;         /* borrowed from the packet */
	size_t data_len;
};

/* id tells clients apart and should be random. */
void turnc_init(
    struct turnc *c, const char *user, const char *password, uint32_t id);

/* Each writes one message and returns its length.  Requests raise serial;
 * to retransmit, send the same bytes again. */
size_t turnc_binding(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX]);
size_t turnc_allocate(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX],
    const struct turnc_want *want);
size_t turnc_refresh(
    struct turnc *c, uint8_t out[TURNC_REQUEST_MAX], uint32_t lifetime);
size_t turnc_permission(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX],
    const struct addr *peers, unsigned count);
size_t turnc_channel_bind(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX],
    uint16_t number, const struct addr *peer);
/* Returns 0 when data does not fit. */
size_t turnc_send(struct turnc *c, uint8_t out[TURNC_SEND_MAX],
    const struct addr *peer, const void *data, size_t len);

/*
 * Reads a response of ours or a Data indication.  Returns 0, EBADMSG (not
 * STUN, malformed, another client's) or EPERM (a success that is not signed
 * with our key).
 */
MUST_CHECK int turnc_parse(
    struct turnc *c, struct turnc_answer *out, const uint8_t *data, size_t len);

#endif
