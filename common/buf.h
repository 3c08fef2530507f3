/*
 * buf: a packet with headroom, so that a header is put in front or taken
 * off without a copy.
 *
 *	base          data            data+len        base+cap
 *	 |  headroom   |   packet        |   tailroom    |
 *
 * A buf does not own its memory.  Crossing an edge is a broken invariant
 * and asserts.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* Data indication with an IPv6 peer: 20 header + 4+20 XOR-PEER-ADDRESS +
 * 4 DATA = 48; rounded up to a cache line. */
enum { BUF_HEADROOM = 64 };

struct buf {
	uint8_t *base; /* borrowed */
	uint8_t *data;
	uint32_t len;
	uint32_t cap; /* from base */
};

/* Empty packet in mem, leaving headroom bytes in front. */
static inline void
buf_init(struct buf *b, void *mem, size_t cap, size_t headroom)
{
	assert(headroom <= cap);
	b->base = mem;
	b->data = b->base + headroom;
	b->len = 0;
	b->cap = (uint32_t)cap;
}

static inline size_t
buf_headroom(const struct buf *b)
{
	return (size_t)(b->data - b->base);
}

static inline size_t
buf_tailroom(const struct buf *b)
{
	return b->cap - buf_headroom(b) - b->len;
}

/* Grows the packet at its front by n; returns the new front. */
static inline uint8_t *
buf_push(struct buf *b, size_t n)
{
	assert(n <= buf_headroom(b));
	b->data -= n;
	b->len += (uint32_t)n;
	return b->data;
}

/* Takes n bytes off the front; returns the new front. */
static inline uint8_t *
buf_pull(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->data += n;
	b->len -= (uint32_t)n;
	return b->data;
}

/* Grows the packet at its end by n; returns where the new bytes begin. */
static inline uint8_t *
buf_put(struct buf *b, size_t n)
{
	uint8_t *at = b->data + b->len;

	assert(n <= buf_tailroom(b));
	b->len += (uint32_t)n;
	return at;
}

/* Cuts the packet to len bytes. */
static inline void
buf_trim(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = (uint32_t)len;
}

#endif
