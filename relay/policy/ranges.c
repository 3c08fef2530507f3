#include "policy/ranges.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* A host as a number that sorts; IPv4 uses lo only. */
struct point {
	uint64_t hi;
	uint64_t lo;
};

struct prefix {
	struct point first;
	struct point last;
	unsigned bits;
	enum policy_mark mark;
};

/* From here up to the next span's start. */
struct span {
	struct point start;
	enum policy_mark mark;
};

/* One family. */
struct side {
	struct prefix *prefixes;
	size_t count;
	struct span *spans;
	size_t span_count;
};

struct policy_ranges {
	/* FROZEN: after policy_ranges_seal */
	size_t room;
	struct side v4;
	struct side v6;
};

static uint64_t
read_be(const uint8_t *at, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v = v << 8 | at[i];
	return v;
}

static struct point
to_point(const struct addr *a)
{
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	if (len == 4)
		return (struct point){ 0, read_be(host, 4) };
	return (struct point){ read_be(host, 8), read_be(host + 8, 8) };
}

static int
compare(struct point a, struct point b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	if (a.lo != b.lo)
		return a.lo < b.lo ? -1 : 1;
	return 0;
}

/* The n low bits set, n of 0..64. */
static uint64_t
low_bits(unsigned n)
{
	return n == 0 ? 0 : UINT64_MAX >> (64 - n);
}

static struct point
last_of(struct point first, unsigned host_bits)
{
	if (host_bits <= 64)
		return (
		    struct point){ first.hi, first.lo | low_bits(host_bits) };
	return (
	    struct point){ first.hi | low_bits(host_bits - 64), UINT64_MAX };
}

static bool
init_side(struct side *s, size_t room)
{
	s->prefixes = mem_try(room + 1, sizeof(*s->prefixes));
	/* a prefix begins one span and, ending, another */
	s->spans = mem_try(2 * room + 1, sizeof(*s->spans));
	return s->prefixes != NULL && s->spans != NULL;
}

struct policy_ranges *
policy_ranges_new(size_t room)
{
	struct policy_ranges *r;

	if ((r = mem_try(1, sizeof(*r))) == NULL)
		return NULL;
	r->room = room;
	if (!init_side(&r->v4, room) || !init_side(&r->v6, room))
		goto fail;
	policy_ranges_seal(r);
	return r;

fail:
	policy_ranges_free(r);
	return NULL;
}

void
policy_ranges_free(struct policy_ranges *r)
{
	if (r == NULL)
		return;
	mem_free(r->v4.prefixes);
	mem_free(r->v4.spans);
	mem_free(r->v6.prefixes);
	mem_free(r->v6.spans);
	mem_free(r);
}

void
policy_ranges_add(
    struct policy_ranges *r, const struct addr_prefix *p, enum policy_mark mark)
{
	const bool six = addr_family(&p->base) == AF_INET6;
	struct side *s = six ? &r->v6 : &r->v4;
	const struct point first = to_point(&p->base);

	assert(s->count < r->room);
	s->prefixes[s->count++] = (struct prefix){
		.first = first,
		.last = last_of(first, (six ? 128 : 32) - p->bits),
		.bits = p->bits,
		.mark = mark,
	};
}

void
policy_ranges_add_host(
    struct policy_ranges *r, const struct addr *host, enum policy_mark mark)
{
	struct addr_prefix p = { .base = *host };

	p.bits = addr_family(host) == AF_INET6 ? 128 : 32;
	policy_ranges_add(r, &p, mark);
}

/* Outer before inner, weaker before stronger. */
static int
compare_prefix(const void *one, const void *other)
{
	const struct prefix *a = one, *b = other;
	int order = compare(a->first, b->first);

	if (order == 0)
		order = (int)a->bits - (int)b->bits;
	return order != 0 ? order : (int)a->mark - (int)b->mark;
}

/* From start on it is mark. */
static void
begin_span(struct side *s, struct point start, enum policy_mark mark)
{
	struct span *last = &s->spans[s->span_count - 1];

	if (compare(last->start, start) == 0)
		last->mark = mark;
	else
		s->spans[s->span_count++] = (struct span){ start, mark };
}

/* p ended: what lies around it goes on. */
static void
end_prefix(struct side *s, const struct prefix *p, const struct prefix *outer)
{
	struct point next = { p->last.hi, p->last.lo + 1 };

	if (next.lo == 0 && ++next.hi == 0)
		return; /* it was the last address of all */
	begin_span(s, next, outer != NULL ? outer->mark : POLICY_MARK_NONE);
}

/* Open prefixes nest, each longer than the one around it: /0 to /128. */
enum { OPEN_MAX = 129 };

static void
seal_side(struct side *s)
{
	const struct prefix *open[OPEN_MAX];
	size_t n = 0;

	qsort(s->prefixes, s->count, sizeof(*s->prefixes), compare_prefix);
	s->spans[0] = (struct span){ .mark = POLICY_MARK_NONE };
	s->span_count = 1;
	for (size_t i = 0; i < s->count; i++) {
		const struct prefix *p = &s->prefixes[i];

		for (; n > 0 && compare(open[n - 1]->last, p->first) < 0; n--)
			end_prefix(s, open[n - 1], n > 1 ? open[n - 2] : NULL);
		/* the same prefix again replaces: nothing is nested twice */
		if (n > 0 && open[n - 1]->bits == p->bits)
			n--;
		open[n++] = p;
		begin_span(s, p->first, p->mark);
	}
	for (; n > 0; n--)
		end_prefix(s, open[n - 1], n > 1 ? open[n - 2] : NULL);
}

void
policy_ranges_seal(struct policy_ranges *r)
{
	seal_side(&r->v4);
	seal_side(&r->v6);
}

enum policy_mark
policy_ranges_find(const struct policy_ranges *r, const struct addr *a)
{
	const bool six = addr_family(a) == AF_INET6;
	const struct side *s = six ? &r->v6 : &r->v4;
	const struct point p = to_point(a);
	size_t low = 0, high = s->span_count;

	/* spans[low] starts at or before p, spans[high] after it */
	while (high - low > 1) {
		const size_t mid = low + (high - low) / 2;

		if (compare(s->spans[mid].start, p) <= 0)
			low = mid;
		else
			high = mid;
	}
	return s->spans[low].mark;
}
