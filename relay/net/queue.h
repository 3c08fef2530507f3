/*
 * queue: bytes of a stream that wait: to be written, or for the rest of
 * their message.
 *
 * A queue is a chain of chunks out of its worker's bank and has none while
 * it is empty.  The bank keeps a bounded number of chunks for the next.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_QUEUE_H
#define RELAY_NET_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/code.h"

struct mem_use;
struct net_bank;
struct net_chunk;

enum {
	QUEUE_CHUNK = 4096,    /* bytes, its link included */
	QUEUE_SPARE_MAX = 512, /* chunks a bank keeps: 2 MiB */
};

/* Zeroed: empty. */
struct net_queue {
	struct net_chunk *first, *last;
	size_t len;
	uint16_t skip; /* bytes of first that are gone */
	uint16_t fill; /* bytes of last that are used */
};

/* use (borrowed) is told the bytes held.  Returns NULL when memory is
 * short. */
struct net_bank *net_queue_bank_new(struct mem_use *use);
/* All queues are empty by now. */
void net_queue_bank_free(struct net_bank *bank);

/* Has memory ready for len bytes more: what adds no more than that does not
 * fail.  Returns 0 or ENOMEM. */
MUST_CHECK int
net_queue_expect(const struct net_queue *q, struct net_bank *bank, size_t len);
/* Appends a copy of data and pad zero bytes: all of it, or ENOMEM. */
MUST_CHECK int net_queue_add(struct net_queue *q, struct net_bank *bank,
    const void *data, size_t len, size_t pad);
/* Takes len bytes (<= q->len) off the front. */
void net_queue_drain(struct net_queue *q, struct net_bank *bank, size_t len);

/* Copies the first len bytes (<= q->len). */
void net_queue_copy(const struct net_queue *q, void *out, size_t len);
/* Tells where the first bytes are, at most max of them and in at most count
 * pieces.  Returns the number of pieces. */
unsigned net_queue_look(
    const struct net_queue *q, struct iovec *out, unsigned count, size_t max);

#endif
