/*
 * bench_link: one TCP connection of a load generator, plain or under TLS, that
 * never waits.
 *
 * The loop is the caller's: it watches fd by bench_link_events and calls
 * bench_link_go when something happened.
 */
#ifndef TESTS_SUPPORT_BENCH_LINK_H
#define TESTS_SUPPORT_BENCH_LINK_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"

enum { BENCH_LINK_IN = 4096, BENCH_LINK_OUT = 2048 };

struct bench_link {
	int fd; /* -1: closed */
	SSL *ssl;
	bool is_connecting, is_shaking, wants_write;
	uint16_t in_len, out_len;
	uint8_t *in, *out; /* BENCH_LINK_IN, BENCH_LINK_OUT; the caller's */
};

/* Begins to connect from an address of 127.0.0.0/8 that at chooses, so that
 * ports do not run out.  ctx NULL: no TLS.  Returns 0 or an errno. */
MUST_CHECK int bench_link_open(
    struct bench_link *l, const struct addr *server, SSL_CTX *ctx, uint32_t at);
/* By RST when is_cut, so that no address stays behind in TIME_WAIT. */
void bench_link_close(struct bench_link *l, bool is_cut);
/* EPOLLIN and EPOLLOUT as they are needed now. */
uint32_t bench_link_events(const struct bench_link *l);
/* Goes on with connecting and the handshake, writes, reads once.  Returns
 * 0, or an errno: it is broken. */
MUST_CHECK int bench_link_go(struct bench_link *l);
static inline bool
bench_link_is_up(const struct bench_link *l)
{
	return l->fd >= 0 && !l->is_connecting && !l->is_shaking;
}
/* Puts bytes behind what is to be written and writes.  Returns 0, ENOBUFS
 * or an errno. */
MUST_CHECK int
bench_link_send(struct bench_link *l, const void *data, size_t len);
/* Takes len bytes off what was read. */
void bench_link_drain(struct bench_link *l, size_t len);

#endif
