#include "common/table.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "common/addr.h"
#include "common/entropy.h"
#include "common/mem.h"

enum { TABLE_MIN = 16 }; /* slots; always a power of two */

/* The hash stands beside the pointer: a probe that fails touches no item. */
struct slot {
	void *item; /* NULL: free */
	uint32_t hash;
};

struct table {
	table_eq *eq;
	struct slot *slots;
	size_t mask; /* slots - 1 */
	size_t count;
	struct mem_use *use; /* borrowed; NULL: nobody watches */
};

/* ---- SipHash-1-3 (Aumasson and Bernstein, 2012): one round a word, three
 * at the end */

static uint64_t seed[2]; /* FROZEN: after seed_once */
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void
draw_seed(void)
{
	entropy_fill(seed, sizeof(seed));
}

static inline uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline void
sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* len <= 8 bytes, little endian. */
static inline uint64_t
load_le(const uint8_t *p, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, p, len);
	return le64toh(word);
}

uint64_t
table_siphash(const uint64_t key[2], const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t left = len;
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575, /* "somepseu" */
		key[1] ^ 0x646f72616e646f6d, /* "dorandom" */
		key[0] ^ 0x6c7967656e657261, /* "lygenera" */
		key[1] ^ 0x7465646279746573, /* "tedbytes" */
	};

	for (; left >= 8; p += 8, left -= 8)
		sip_word(v, load_le(p, 8));
	/* a length the compiler does not know is a call */
	sip_word(v,
	    (uint64_t)(len & 0xff) << 56 | (left > 0 ? load_le(p, left) : 0));
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint32_t
table_hash(const void *key, size_t len)
{
	uint64_t h;

	pthread_once(&seed_once, draw_seed);
	h = table_siphash(seed, key, len);
	return (uint32_t)(h ^ h >> 32);
}

uint32_t
table_hash_addr(const struct addr *a)
{
	uint8_t key[20];
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	memcpy(key, &a->u.sa.sa_family, 2);
	memcpy(key + 2, &a->u.in4.sin_port, 2);
	if (len == 16)
		memcpy(key + 4, host, 16);
	else
		memcpy(key + 4, host, 4);
	return table_hash(key, len == 16 ? 20 : 8);
}

/* ---- slots */

/* Full at 3/4: linear probing then looks at 2.5 slots for a hit and 8.5 for
 * a miss on average. */
static inline bool
is_full(const struct table *t)
{
	return t->count >= (t->mask + 1) / 4 * 3;
}

struct table *
table_new(size_t room, table_eq *eq)
{
	struct table *t;
	size_t n = TABLE_MIN;

	while (n / 4 * 3 < room && n <= SIZE_MAX / 4)
		n *= 2;
	if ((t = mem_try(1, sizeof(*t))) == NULL)
		return NULL;
	t->eq = eq;
	t->mask = n - 1;
	if ((t->slots = mem_try(n, sizeof(*t->slots))) == NULL)
		goto fail;
	return t;

fail:
	table_free(t);
	return NULL;
}

static int64_t
bytes_of(const struct table *t)
{
	return (int64_t)(mem_size(t) + mem_size(t->slots));
}

void
table_watch(struct table *t, struct mem_use *use)
{
	assert(t->use == NULL);
	t->use = use;
	mem_use_add(use, (int64_t)t->count, bytes_of(t));
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	mem_use_add(t->use, -(int64_t)t->count, -bytes_of(t));
	mem_free(t->slots);
	mem_free(t);
}

void *
table_find(const struct table *t, uint32_t hash, const void *key)
{
	for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		const struct slot *s = &t->slots[i];

		if (s->item == NULL)
			return NULL;
		if (s->hash == hash && t->eq(s->item, key))
			return s->item;
	}
}

/* Puts item into the first free slot from its home on. */
static void
place(struct table *t, uint32_t hash, void *item)
{
	size_t i = hash & t->mask;

	while (t->slots[i].item != NULL)
		i = (i + 1) & t->mask;
	t->slots[i].item = item;
	t->slots[i].hash = hash;
}

static int
grow(struct table *t)
{
	struct slot *old = t->slots;
	const size_t n = t->mask + 1;
	struct slot *slots = mem_try(n * 2, sizeof(*slots));

	if (slots == NULL)
		return ENOMEM;
	t->slots = slots;
	t->mask = n * 2 - 1;
	for (size_t i = 0; i < n; i++) {
		if (old[i].item != NULL)
			place(t, old[i].hash, old[i].item);
	}
	mem_use_add(
	    t->use, 0, (int64_t)mem_size(slots) - (int64_t)mem_size(old));
	mem_free(old);
	return 0;
}

int
table_add(struct table *t, uint32_t hash, void *item)
{
	assert(item != NULL);
	if (is_full(t) && grow(t) != 0)
		return ENOMEM;
	place(t, hash, item);
	t->count++;
	mem_use_add(t->use, 1, 0);
	return 0;
}

/* Empties slot i and moves back every later one of the run that may stand
 * there, so that no probe ends too early. */
static void
close_gap(struct table *t, size_t gap)
{
	for (size_t i = (gap + 1) & t->mask; t->slots[i].item != NULL;
	     i = (i + 1) & t->mask) {
		const size_t home = t->slots[i].hash & t->mask;

		/* is its home at or before the gap, seen from i? */
		if (((i - home) & t->mask) < ((i - gap) & t->mask))
			continue;
		t->slots[gap] = t->slots[i];
		gap = i;
	}
	t->slots[gap].item = NULL;
}

bool
table_remove(struct table *t, uint32_t hash, const void *item)
{
	size_t i = hash & t->mask;

	while (t->slots[i].item != item) {
		if (t->slots[i].item == NULL)
			return false;
		i = (i + 1) & t->mask;
	}
	close_gap(t, i);
	t->count--;
	mem_use_add(t->use, -1, 0);
	return true;
}

size_t
table_count(const struct table *t)
{
	return t->count;
}

void *
table_next(const struct table *t, size_t *pos)
{
	while (*pos <= t->mask) {
		void *item = t->slots[(*pos)++].item;

		if (item != NULL)
			return item;
	}
	return NULL;
}
