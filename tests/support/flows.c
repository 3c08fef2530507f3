#include "tests/support/flows.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

enum { TEXT_MAX = 200 };

struct flow {
	uint32_t sent, taken;
	uint16_t len[FLOWS_AHEAD]; /* of packet n at n % FLOWS_AHEAD */
};

struct flows {
	uint64_t seed;
	unsigned count;
	uint64_t under_way, charge;
	char text[TEXT_MAX];
	struct flow flow[];
};

struct flows *
flows_new(unsigned count, uint64_t seed)
{
	struct flows *f = mem_must(1, sizeof(*f) + count * sizeof(struct flow));

	f->seed = seed;
	f->count = count;
	return f;
}

void
flows_free(struct flows *f)
{
	mem_free(f);
}

/* ---- bytes */

/* splitmix64: eight bytes a step, and any start is as good as another. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t
start(const struct flows *f, unsigned flow, uint32_t number)
{
	return mix(f->seed ^ ((uint64_t)flow << 32 | number));
}

static uint64_t
step(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15;
	return mix(*state);
}

static void
fill(uint64_t state, uint8_t *out, size_t len)
{
	uint64_t word;
	size_t n;

	for (; len > 0; len -= n, out += n) {
		n = len < sizeof(word) ? len : sizeof(word);
		word = step(&state);
		memcpy(out, &word, n);
	}
}

/* Returns the first byte that is not as filled; len when there is none. */
static size_t
differs(uint64_t state, const uint8_t *data, size_t len)
{
	uint8_t want[sizeof(uint64_t)];
	size_t n, at;

	for (at = 0; at < len; at += n) {
		n = len - at < sizeof(want) ? len - at : sizeof(want);
		fill(state, want, n);
		(void)step(&state);
		if (memcmp(data + at, want, n) == 0)
			continue;
		while (data[at] == want[at % sizeof(want)])
			at++;
		return at;
	}
	return len;
}

/* ---- sending and taking */

bool
flows_may_send(const struct flows *f, unsigned flow, unsigned n)
{
	const struct flow *w = &f->flow[flow];

	return w->sent - w->taken + n <= FLOWS_AHEAD;
}

void
flows_next(struct flows *f, unsigned flow, uint8_t *out, size_t len)
{
	struct flow *w = &f->flow[flow];

	assert(flow < f->count && len <= UINT16_MAX);
	assert(flows_may_send(f, flow, 1));
	fill(start(f, flow, w->sent), out, len);
	w->len[w->sent++ % FLOWS_AHEAD] = (uint16_t)len;
	f->under_way++;
	f->charge += len + FLOWS_OVERHEAD;
}

/* Is it packet number of this flow, whole? */
static bool
is_packet(const struct flows *f, unsigned flow, uint32_t number,
    const uint8_t *data, size_t len)
{
	return f->flow[flow].len[number % FLOWS_AHEAD] == len &&
	    differs(start(f, flow, number), data, len) == len;
}

/* What is it, when it is not the packet that was due? */
static const char *
explain(struct flows *f, unsigned flow, const uint8_t *data, size_t len)
{
	const struct flow *w = &f->flow[flow];
	const uint32_t first =
	    w->sent > FLOWS_AHEAD ? w->sent - FLOWS_AHEAD : 0;
	const unsigned want = w->len[w->taken % FLOWS_AHEAD];
	size_t at;

	for (uint32_t n = first; n < w->sent; n++) {
		if (!is_packet(f, flow, n, data, len))
			continue;
		snprintf(f->text, sizeof(f->text),
		    "packet %" PRIu32 " came %s: %" PRIu32
		    " was due (%zu bytes)",
		    n, n < w->taken ? "twice" : "early", w->taken, len);
		return f->text;
	}
	if (w->taken == w->sent) {
		snprintf(f->text, sizeof(f->text),
		    "%zu bytes came that nobody sent", len);
		return f->text;
	}
	at = differs(start(f, flow, w->taken), data, len < want ? len : want);
	snprintf(f->text, sizeof(f->text),
	    "packet %" PRIu32 " is not what was sent: %zu bytes of %u, "
	    "right up to byte %zu",
	    w->taken, len, want, at);
	return f->text;
}

const char *
flows_take(struct flows *f, unsigned flow, const uint8_t *data, size_t len)
{
	struct flow *w = &f->flow[flow];

	assert(flow < f->count);
	if (w->taken == w->sent || !is_packet(f, flow, w->taken, data, len))
		return explain(f, flow, data, len);
	w->taken++;
	f->under_way--;
	f->charge -= len + FLOWS_OVERHEAD;
	return NULL;
}

uint64_t
flows_under_way(const struct flows *f)
{
	return f->under_way;
}

uint64_t
flows_charge(const struct flows *f)
{
	return f->charge;
}

unsigned
flows_find_late(const struct flows *f, unsigned flow)
{
	while (flow < f->count && f->flow[flow].sent == f->flow[flow].taken)
		flow++;
	return flow;
}

uint32_t
flows_sent(const struct flows *f, unsigned flow)
{
	return f->flow[flow].sent;
}
