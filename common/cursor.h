/*
 * cursor: reads bytes in network order with a sticky error: after the first
 * read past the end every read returns zero, and `bad` is tested once.
 *
 * pen: the same for writing into a buffer of fixed size.
 */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at; /* borrowed */
	const uint8_t *end;
	bool bad;
};

struct pen {
	uint8_t *start; /* borrowed */
	uint8_t *at;
	uint8_t *end;
	bool bad;
};

static inline void
cursor_init(struct cursor *c, const void *data, size_t len)
{
	c->at = data;
	c->end = c->at + len;
	c->bad = false;
}

static inline size_t
cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* Returns n bytes and steps over them, or NULL and is bad from then on. */
static inline const uint8_t *
cursor_bytes(struct cursor *c, size_t n)
{
	const uint8_t *at = c->at;

	if (c->bad || cursor_left(c) < n) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	c->at += n;
	return at;
}

static inline uint8_t
cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 1);

	return p != NULL ? *p : 0;
}

static inline uint16_t
cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 2);

	return p != NULL ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t
cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_bytes(c, 4);

	return p != NULL ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		(uint32_t)p[2] << 8 | p[3]
			 : 0;
}

static inline void
pen_init(struct pen *p, void *out, size_t size)
{
	p->start = p->at = out;
	p->end = p->at + size;
	p->bad = false;
}

static inline size_t
pen_len(const struct pen *p)
{
	return (size_t)(p->at - p->start);
}

/* Returns room for n bytes and steps over it, or NULL and is bad. */
static inline uint8_t *
pen_room(struct pen *p, size_t n)
{
	uint8_t *at = p->at;

	if (p->bad || (size_t)(p->end - p->at) < n) {
		p->bad = true;
		return NULL;
	}
	p->at += n;
	return at;
}

static inline void
pen_bytes(struct pen *p, const void *data, size_t n)
{
	uint8_t *at = pen_room(p, n);

	if (at != NULL && n > 0)
		memcpy(at, data, n);
}

static inline void
pen_u8(struct pen *p, uint8_t v)
{
	pen_bytes(p, &v, 1);
}

static inline void
pen_u16(struct pen *p, uint16_t v)
{
	const uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	pen_bytes(p, b, sizeof(b));
}

static inline void
pen_u32(struct pen *p, uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
		(uint8_t)(v >> 8), (uint8_t)v };

	pen_bytes(p, b, sizeof(b));
}

#endif
