#include "turn/ports.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "common/entropy.h"
#include "common/mem.h"
#include "common/secret.h"
#include "relay/snapshot.h"

enum {
	WORD_BITS = 64,
	WORDS = 65536 / WORD_BITS,
	SLOT_MASK = TURN_PORTS_RESERVATIONS_MAX - 1,
};
_Static_assert(SNAPSHOT_WORKERS_MAX < (1 << TURN_PORT_WORKER_BITS) - 1,
    "a mark has room for every worker");

_Static_assert((TURN_PORTS_RESERVATIONS_MAX & SLOT_MASK) == 0 &&
	TURN_PORTS_RESERVATIONS_MAX <= 65536,
    "a token's first two bytes hold its slot");

/* WORD_BITS is even: a port is even when its bit is */
static const uint64_t even_bits = UINT64_C(0x5555555555555555);

/* FROZEN: after turn_ports_new, all but the bits and the marks */
struct place {
	struct addr inside;
	struct addr outside;
	struct turn_port *ports; /* min..max */

	/* SHARED: atomic; set = taken or reserved */
	_Atomic uint64_t taken[WORDS];
};

_Static_assert(
    offsetof(struct place, taken) % 64 == 0 && sizeof(struct place) % 64 == 0,
    "what packets read shares no line with what allocations write");

struct reservation {
	uint8_t token[STUN_TOKEN_LEN];
	struct addr at; /* none: the slot is free */
	mono_ms expires;
};

struct turn_ports {
	uint16_t min;
	uint16_t max;
	struct place *places;
	size_t count;

	/* SHARED: atomic; whose turn it is, IPv4 and IPv6.  Off the line
	 * above, which each packet reads. */
	_Alignas(64) _Atomic unsigned turn[2];
	_Atomic uint32_t openings;

	/* SHARED: lock reservations */
	pthread_mutex_t lock;
	struct reservation *reserved;
	unsigned reserved_count;
	unsigned next_slot; /* where to look for a free one first */
};

/* ---- addresses */

/* False when memory is short. */
static bool
open_place(struct place *place, const struct addr *at, const struct snapshot *s)
{
	const size_t ports =
	    (size_t)(s->relay.port_max - s->relay.port_min) + 1;

	place->inside = *at;
	place->outside = *at;
	for (size_t i = 0; i < s->relay.external_count; i++)
		if (addr_equal_host(&s->relay.external[i].inside, at))
			place->outside = s->relay.external[i].outside;
	/* untouched pages cost nothing */
	place->ports = mem_try(ports, sizeof(*place->ports));
	return place->ports != NULL;
}

struct turn_ports *
turn_ports_new(const struct snapshot *conf)
{
	struct turn_ports *p = mem_try_aligned(sizeof(*p));

	if (p == NULL)
		return NULL;
	if (pthread_mutex_init(&p->lock, NULL) != 0) {
		mem_free(p);
		return NULL;
	}
	p->min = conf->relay.port_min;
	p->max = conf->relay.port_max;
	p->count = conf->relay.addresses.count;
	assert(0 < p->min && p->min <= p->max && p->count > 0);

	p->places = mem_try_aligned(p->count * sizeof(*p->places));
	p->reserved =
	    mem_try(TURN_PORTS_RESERVATIONS_MAX, sizeof(*p->reserved));
	if (p->places == NULL || p->reserved == NULL)
		goto fail;
	for (size_t i = 0; i < p->count; i++)
		if (!open_place(
			&p->places[i], &conf->relay.addresses.at[i], conf))
			goto fail;
	return p;

fail:
	turn_ports_free(p);
	return NULL;
}

void
turn_ports_free(struct turn_ports *p)
{
	if (p == NULL)
		return;
	pthread_mutex_destroy(&p->lock);
	for (size_t i = 0; p->places != NULL && i < p->count; i++)
		mem_free(p->places[i].ports);
	mem_free(p->reserved);
	mem_free(p->places);
	mem_free(p);
}

/* Few addresses: no index is faster than looking at them. */
static struct place *
find_inside(const struct turn_ports *p, const struct addr *a)
{
	for (size_t i = 0; i < p->count; i++)
		if (addr_equal_host(&p->places[i].inside, a))
			return &p->places[i];
	return NULL;
}

static struct place *
find_outside(const struct turn_ports *p, const struct addr *a)
{
	for (size_t i = 0; i < p->count; i++)
		if (addr_equal_host(&p->places[i].outside, a))
			return &p->places[i];
	return NULL;
}

/* port is one of min..max. */
static struct turn_port *
find_port(const struct turn_ports *p, const struct place *place, uint16_t port)
{
	return &place->ports[port - p->min];
}

static void
set_host(struct addr *a, const struct addr *host)
{
	const uint16_t port = addr_port(a);

	*a = *host;
	addr_set_port(a, port);
}

void
turn_ports_outside(const struct turn_ports *p, struct addr *a)
{
	const struct place *place = find_inside(p, a);

	if (place != NULL)
		set_host(a, &place->outside);
}

void
turn_ports_inside(const struct turn_ports *p, struct addr *a)
{
	const struct place *place = find_outside(p, a);

	if (place != NULL)
		set_host(a, &place->inside);
}

bool
turn_ports_is_live(const struct turn_ports *p, const struct addr *a)
{
	const uint16_t port = addr_port(a);
	const struct place *place;

	if (port < p->min || port > p->max)
		return false;
	if ((place = find_inside(p, a)) == NULL &&
	    (place = find_outside(p, a)) == NULL)
		return false;
	return turn_port_mark(find_port(p, place, port)) != 0;
}

void
turn_ports_opened(struct turn_ports *p, const struct addr *at, unsigned worker,
    struct turn_leg *leg)
{
	const uint32_t opening =
	    atomic_fetch_add_explicit(&p->openings, 1, memory_order_relaxed);
	struct place *place = find_inside(p, at);
	struct turn_port *of;

	assert(place != NULL && worker < SNAPSHOT_WORKERS_MAX);
	of = find_port(p, place, addr_port(at));
	of->leg = leg;
	atomic_store_explicit(&of->mark,
	    opening << TURN_PORT_WORKER_BITS | (worker + 1),
	    memory_order_release);
}

const struct turn_port *
turn_ports_find(const struct turn_ports *p, const struct addr *a)
{
	const uint16_t port = addr_port(a);
	const struct place *place;

	if (port < p->min || port > p->max ||
	    (place = find_inside(p, a)) == NULL)
		return NULL;
	return find_port(p, place, port);
}

unsigned
turn_ports_taken(const struct turn_ports *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->count * WORDS; i++)
		n += (unsigned)__builtin_popcountll(
		    p->places[i / WORDS].taken[i % WORDS]);
	return n;
}

/* ---- bits */

/* The bits of a word that stand for ports of from..p->max. */
static uint64_t
mask_of(const struct turn_ports *p, unsigned word, unsigned from)
{
	const unsigned first = word * WORD_BITS;
	uint64_t mask = UINT64_MAX;

	if (first + WORD_BITS <= from || first > p->max)
		return 0;
	if (from > first)
		mask <<= from - first;
	if (p->max - first < WORD_BITS - 1)
		mask &= (UINT64_C(1) << (p->max - first + 1)) - 1;
	return mask;
}

/* Takes the first bit (or pair) of mask that is free; -1 when none is. */
static int
take_bit(_Atomic uint64_t *word, uint64_t mask, enum turn_ports_want want)
{
	const uint64_t bits = want == TURN_PORTS_PAIR ? 3 : 1;
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
	uint64_t free;
	int bit;

	do {
		free = ~old & mask;
		if (want == TURN_PORTS_PAIR)
			free &= free >> 1;
		if (want != TURN_PORTS_ANY)
			free &= even_bits;
		if (free == 0)
			return -1;
		bit = __builtin_ctzll(free);
	} while (!atomic_compare_exchange_weak(word, &old, old | bits << bit));
	return bit;
}

/* A random port, or the next free one above it, around the end; 0 = none. */
static uint16_t
take_port(
    const struct turn_ports *p, struct place *place, enum turn_ports_want want)
{
	const unsigned first = p->min / WORD_BITS;
	const unsigned words = p->max / WORD_BITS - first + 1;
	const unsigned start =
	    p->min + entropy_below((uint32_t)(p->max - p->min) + 1);
	unsigned word = start / WORD_BITS, from = start;

	/* the first word again at the end, then from its beginning */
	for (unsigned i = 0; i <= words; i++) {
		const int bit =
		    take_bit(&place->taken[word], mask_of(p, word, from), want);

		if (bit >= 0)
			return (uint16_t)(word * WORD_BITS + (unsigned)bit);
		from = p->min;
		word = word + 1 < first + words ? word + 1 : first;
	}
	return 0;
}

void
turn_ports_give(struct turn_ports *p, const struct addr *at)
{
	struct place *place = find_inside(p, at);
	const uint16_t port = addr_port(at);
	const uint64_t bit = UINT64_C(1) << port % WORD_BITS;
	uint64_t old;

	assert(place != NULL);
	/* of who holds it, or of nobody while it is reserved */
	atomic_store(&find_port(p, place, port)->mark, 0);
	old = atomic_fetch_and(&place->taken[port / WORD_BITS], ~bit);
	assert((old & bit) != 0);
}

/* ---- reservations; the lock is held */

static void
drop_reservation(struct turn_ports *p, struct reservation *r)
{
	secret_wipe(r, sizeof(*r));
	p->reserved_count--;
}

static void
expire(struct turn_ports *p, mono_ms now)
{
	for (unsigned i = 0;
	     p->reserved_count > 0 && i < TURN_PORTS_RESERVATIONS_MAX; i++) {
		struct reservation *r = &p->reserved[i];

		if (addr_is_none(&r->at) || now < r->expires)
			continue;
		turn_ports_give(p, &r->at);
		drop_reservation(p, r);
	}
}

/* A token's slot stands in its first bytes, so that it is found at once. */
static unsigned
slot_of(const uint8_t token[STUN_TOKEN_LEN])
{
	return ((unsigned)token[0] << 8 | token[1]) & SLOT_MASK;
}

static void
make_token(uint8_t token[STUN_TOKEN_LEN], unsigned slot)
{
	unsigned head;

	entropy_fill(token, STUN_TOKEN_LEN);
	head = ((unsigned)token[0] << 8 | token[1]) & ~(unsigned)SLOT_MASK;
	head |= slot;
	token[0] = (uint8_t)(head >> 8);
	token[1] = (uint8_t)head;
}

/* Returns 0, or 508 when all are in use. */
static int
reserve(struct turn_ports *p, const struct addr *at,
    uint8_t token[STUN_TOKEN_LEN], mono_ms now)
{
	struct reservation *r;

	if (p->reserved_count == TURN_PORTS_RESERVATIONS_MAX)
		expire(p, now);
	if (p->reserved_count == TURN_PORTS_RESERVATIONS_MAX)
		return 508;
	do {
		p->next_slot = (p->next_slot + 1) & SLOT_MASK;
		r = &p->reserved[p->next_slot];
	} while (!addr_is_none(&r->at));
	make_token(r->token, p->next_slot);
	r->at = *at;
	r->expires = now + TURN_PORTS_RESERVATION_MS;
	p->reserved_count++;
	memcpy(token, r->token, STUN_TOKEN_LEN);
	return 0;
}

/* ---- taking */

/* Keeps the port above at for who brings the token: 0 or 508. */
static int
reserve_above(struct turn_ports *p, const struct addr *at,
    uint8_t token[STUN_TOKEN_LEN], mono_ms now)
{
	struct addr above = *at;
	int err;

	addr_set_port(&above, (uint16_t)(addr_port(at) + 1));
	pthread_mutex_lock(&p->lock);
	err = reserve(p, &above, token, now);
	pthread_mutex_unlock(&p->lock);
	if (err == 0)
		return 0;
	turn_ports_give(p, at);
	turn_ports_give(p, &above);
	return err;
}

/* The n-th address of family, counted from 0; NULL behind the last. */
static struct place *
find_nth(const struct turn_ports *p, int family, unsigned n)
{
	for (size_t i = 0; i < p->count; i++)
		if (addr_family(&p->places[i].inside) == family && n-- == 0)
			return &p->places[i];
	return NULL;
}

static unsigned
count_family(const struct turn_ports *p, int family)
{
	unsigned n = 0;

	while (find_nth(p, family, n) != NULL)
		n++;
	return n;
}

int
turn_ports_take(struct addr *at, struct turn_ports *p, int family,
    enum turn_ports_want want, uint8_t token[STUN_TOKEN_LEN], mono_ms now)
{
	const unsigned count = count_family(p, family);
	const unsigned turn = atomic_fetch_add_explicit(
	    &p->turn[family == AF_INET6], 1, memory_order_relaxed);
	struct addr got;
	uint16_t port = 0;
	int err;

	if (count == 0)
		return 440;
	for (unsigned i = 0; i < count && port == 0; i++) {
		struct place *place =
		    find_nth(p, family, (turn % count + i) % count);

		port = take_port(p, place, want);
		got = place->inside;
	}
	if (port == 0)
		return 508;
	addr_set_port(&got, port);
	if (want == TURN_PORTS_PAIR &&
	    (err = reserve_above(p, &got, token, now)) != 0)
		return err;
	*at = got;
	return 0;
}

int
turn_ports_redeem(struct addr *at, struct turn_ports *p,
    const uint8_t token[STUN_TOKEN_LEN], mono_ms now)
{
	struct reservation *r = &p->reserved[slot_of(token)];
	int err = 508;

	pthread_mutex_lock(&p->lock);
	if (!addr_is_none(&r->at) && now < r->expires &&
	    secret_equal(r->token, token, STUN_TOKEN_LEN)) {
		*at = r->at;
		drop_reservation(p, r);
		err = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

void
turn_ports_expire(struct turn_ports *p, mono_ms now)
{
	pthread_mutex_lock(&p->lock);
	expire(p, now);
	pthread_mutex_unlock(&p->lock);
}
