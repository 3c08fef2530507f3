#include "budget/scope.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"

enum {
	SHARDS = 64,
	SHARD_SHIFT = 26, /* the table uses the low bits of the hash */
	SHARD_ROOM = 16,
	STUN_QUOTA = 486,
	STUN_CAPACITY = 508,
};

struct key {
	const char *name;
	size_t len;
};

struct shard {
	/* SHARED: lock */
	_Alignas(64) pthread_mutex_t lock;
	struct table *parties;
};

struct budget_scope {
	struct shard shard[SHARDS];
};

static bool
is_party(const void *item, const void *key)
{
	const struct budget_party *p = item;
	const struct key *k = key;

	return p->len == k->len && memcmp(p->name, k->name, k->len) == 0;
}

struct budget_scope *
budget_scope_new(void)
{
	struct budget_scope *s;

	if ((s = mem_try_aligned(sizeof(*s))) == NULL)
		return NULL;
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&s->shard[i].lock, NULL);
	for (size_t i = 0; i < SHARDS; i++) {
		s->shard[i].parties = table_new(SHARD_ROOM, is_party);
		if (s->shard[i].parties == NULL)
			goto fail;
	}
	return s;

fail:
	budget_scope_free(s);
	return NULL;
}

static void
free_all(struct table *parties)
{
	struct budget_party *p;
	size_t pos = 0;

	while (parties != NULL && (p = table_next(parties, &pos)) != NULL)
		mem_free(p);
	table_free(parties);
}

void
budget_scope_free(struct budget_scope *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		free_all(s->shard[i].parties);
		pthread_mutex_destroy(&s->shard[i].lock);
	}
	mem_free(s);
}

static int
add(struct budget_party **out, struct shard *sh, const struct key *k,
    uint32_t hash)
{
	struct budget_party *p;

	if ((p = mem_try_aligned(sizeof(*p) + k->len)) == NULL)
		return STUN_CAPACITY;
	p->count = 1;
	p->is_new = true;
	p->hash = hash;
	p->len = k->len;
	memcpy(p->name, k->name, k->len);
	if (table_add(sh->parties, hash, p) != 0) {
		mem_free(p);
		return STUN_CAPACITY;
	}
	*out = p;
	return 0;
}

static int
enter(struct budget_party **out, struct shard *sh, const struct key *k,
    unsigned max)
{
	const uint32_t hash = table_hash(k->name, k->len);
	struct budget_party *p;

	if (max == 0)
		return STUN_QUOTA;
	if ((p = table_find(sh->parties, hash, k)) == NULL)
		return add(out, sh, k, hash);
	if (p->count >= max)
		return STUN_QUOTA;
	p->count++;
	*out = p;
	return 0;
}

static struct shard *
shard_of(struct budget_scope *s, uint32_t hash)
{
	return &s->shard[hash >> SHARD_SHIFT];
}

int
budget_scope_enter(struct budget_party **out, struct budget_scope *s,
    const char *user, size_t len, unsigned max)
{
	struct shard *sh = shard_of(s, table_hash(user, len));
	int rc;

	pthread_mutex_lock(&sh->lock);
	rc = enter(out, sh, &(struct key){ user, len }, max);
	pthread_mutex_unlock(&sh->lock);
	return rc;
}

void
budget_scope_leave(struct budget_scope *s, struct budget_party *p,
    budget_party_fn *last, void *arg)
{
	struct shard *sh = shard_of(s, p->hash);

	pthread_mutex_lock(&sh->lock);
	assert(p->count > 0);
	if (--p->count == 0) {
		if (last != NULL)
			last(arg, p);
		table_remove(sh->parties, p->hash, p);
		mem_free(p);
	}
	pthread_mutex_unlock(&sh->lock);
}

void
budget_scope_each(struct budget_scope *s, budget_party_fn *fn, void *arg)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct budget_party *p;
		size_t pos = 0;

		pthread_mutex_lock(&s->shard[i].lock);
		while ((p = table_next(s->shard[i].parties, &pos)) != NULL)
			fn(arg, p);
		pthread_mutex_unlock(&s->shard[i].lock);
	}
}

void
budget_scope_find(struct budget_scope *s, const char *user, size_t len,
    budget_party_fn *fn, void *arg)
{
	const struct key key = { user, len };
	const uint32_t hash = table_hash(user, len);
	struct shard *sh = shard_of(s, hash);
	struct budget_party *p;

	pthread_mutex_lock(&sh->lock);
	if ((p = table_find(sh->parties, hash, &key)) != NULL)
		fn(arg, p);
	pthread_mutex_unlock(&sh->lock);
}

size_t
budget_scope_users(struct budget_scope *s)
{
	size_t n = 0;

	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&s->shard[i].lock);
		n += table_count(s->shard[i].parties);
		pthread_mutex_unlock(&s->shard[i].lock);
	}
	return n;
}
