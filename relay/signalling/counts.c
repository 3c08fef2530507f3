#include "signalling/counts.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "common/addr.h"
#include "common/mem.h"
#include "common/table.h"

/* Sessions of one address, or of one prefix. */
struct count {
	struct addr at;
	bool is_prefix;
	unsigned n;
	unsigned pending; /* of a prefix */
};

struct signal_counts {
	/* SHARED: lock counts */
	pthread_mutex_t lock;
	struct table *table; /* struct count, ours */
	unsigned all;
	unsigned pending;
};

static bool
is_same(const void *item, const void *key)
{
	const struct count *a = item, *b = key;

	return a->is_prefix == b->is_prefix && addr_equal_host(&a->at, &b->at);
}

struct signal_counts *
signal_counts_new(void)
{
	struct signal_counts *c = mem_try(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	if ((c->table = table_new(0, is_same)) != NULL)
		return c;
	signal_counts_free(c);
	return NULL;
}

void
signal_counts_free(struct signal_counts *c)
{
	struct count *n;
	size_t pos = 0;

	if (c == NULL)
		return;
	while (c->table != NULL && (n = table_next(c->table, &pos)) != NULL)
		mem_free(n);
	table_free(c->table);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

/* ---- under the lock */

static struct count
key_of(const struct addr *a, bool is_prefix)
{
	struct count key = { .is_prefix = is_prefix };

	if (is_prefix)
		addr_mask(&key.at, a, SIGNAL_PREFIX_V4, SIGNAL_PREFIX_V6);
	else
		addr_mask(&key.at, a, 32, 128);
	return key;
}

/* The count of key, made where there is none; NULL: memory is short. */
static struct count *
have(struct signal_counts *c, const struct count *key)
{
	const uint32_t hash = table_hash_addr(&key->at);
	struct count *n = table_find(c->table, hash, key);

	if (n != NULL)
		return n;
	if ((n = mem_try(1, sizeof(*n))) == NULL)
		return NULL;
	*n = *key;
	if (table_add(c->table, hash, n) == 0)
		return n;
	mem_free(n);
	return NULL;
}

static void
forget_empty(struct signal_counts *c, struct count *n)
{
	if (n == NULL || n->n > 0 || n->pending > 0)
		return;
	table_remove(c->table, table_hash_addr(&n->at), n);
	mem_free(n);
}

static int
take(struct signal_counts *c, const struct addr *a,
    const struct signal_counts_limits *limits)
{
	const struct count one_key = key_of(a, false);
	const struct count prefix_key = key_of(a, true);
	struct count *one, *prefix;
	int rc = 0;

	if (c->all >= limits->all)
		return EUSERS;
	one = have(c, &one_key);
	prefix = have(c, &prefix_key);
	if (one == NULL || prefix == NULL)
		rc = ENOMEM;
	else if (one->n >= limits->per_address ||
	    prefix->n >= limits->per_prefix)
		rc = EDQUOT;
	if (rc == 0) {
		one->n++;
		prefix->n++;
		c->all++;
	}
	forget_empty(c, one);
	forget_empty(c, prefix);
	return rc;
}

static void
put(struct signal_counts *c, const struct count *key)
{
	struct count *n = table_find(c->table, table_hash_addr(&key->at), key);

	assert(n != NULL && n->n > 0);
	n->n--;
	forget_empty(c, n);
}

/* ---- for others */

int
signal_counts_take(struct signal_counts *c, const struct addr *a,
    const struct signal_counts_limits *limits)
{
	int rc;

	pthread_mutex_lock(&c->lock);
	rc = take(c, a, limits);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void
signal_counts_put(struct signal_counts *c, const struct addr *a)
{
	const struct count one = key_of(a, false), prefix = key_of(a, true);

	pthread_mutex_lock(&c->lock);
	put(c, &one);
	put(c, &prefix);
	c->all--;
	pthread_mutex_unlock(&c->lock);
}

bool
signal_counts_enter(
    struct signal_counts *c, const struct addr *a, unsigned limit)
{
	const struct count key = key_of(a, true);
	struct count *prefix;
	bool may;

	pthread_mutex_lock(&c->lock);
	prefix = have(c, &key);
	may = prefix != NULL && c->pending < limit &&
	    prefix->pending < (limit + 1) / 2;
	if (may) {
		prefix->pending++;
		c->pending++;
	}
	forget_empty(c, prefix);
	pthread_mutex_unlock(&c->lock);
	return may;
}

void
signal_counts_leave(struct signal_counts *c, const struct addr *a)
{
	const struct count key = key_of(a, true);
	struct count *prefix;

	pthread_mutex_lock(&c->lock);
	prefix = table_find(c->table, table_hash_addr(&key.at), &key);
	assert(prefix != NULL && prefix->pending > 0);
	prefix->pending--;
	c->pending--;
	forget_empty(c, prefix);
	pthread_mutex_unlock(&c->lock);
}
