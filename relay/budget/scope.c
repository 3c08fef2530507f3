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

struct user {
	unsigned count;
	uint32_t hash;
	size_t len;
	char name[];
};

struct key {
	const char *name;
	size_t len;
};

struct shard {
	/* SHARED: lock */
	_Alignas(64) pthread_mutex_t lock;
	struct table *users;
};

struct budget_scope {
	struct shard shard[SHARDS];
};

static bool
is_user(const void *item, const void *key)
{
	const struct user *u = item;
	const struct key *k = key;

	return u->len == k->len && memcmp(u->name, k->name, k->len) == 0;
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
		s->shard[i].users = table_new(SHARD_ROOM, is_user);
		if (s->shard[i].users == NULL)
			goto fail;
	}
	return s;

fail:
	budget_scope_free(s);
	return NULL;
}

static void
free_users(struct table *users)
{
	struct user *u;
	size_t pos = 0;

	while (users != NULL && (u = table_next(users, &pos)) != NULL)
		mem_free(u);
	table_free(users);
}

void
budget_scope_free(struct budget_scope *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		free_users(s->shard[i].users);
		pthread_mutex_destroy(&s->shard[i].lock);
	}
	mem_free(s);
}

static int
add_user(struct shard *sh, const struct key *k, uint32_t hash)
{
	struct user *u;

	if ((u = mem_try(1, sizeof(*u) + k->len)) == NULL)
		return STUN_CAPACITY;
	u->count = 1;
	u->hash = hash;
	u->len = k->len;
	memcpy(u->name, k->name, k->len);
	if (table_add(sh->users, hash, u) != 0) {
		mem_free(u);
		return STUN_CAPACITY;
	}
	return 0;
}

static int
enter(struct shard *sh, const struct key *k, uint32_t hash, unsigned max)
{
	struct user *u;

	if (max == 0)
		return STUN_QUOTA;
	if ((u = table_find(sh->users, hash, k)) == NULL)
		return add_user(sh, k, hash);
	if (u->count >= max)
		return STUN_QUOTA;
	u->count++;
	return 0;
}

int
budget_scope_enter(
    struct budget_scope *s, const char *user, size_t len, unsigned max)
{
	const uint32_t hash = table_hash(user, len);
	struct shard *sh = &s->shard[hash >> SHARD_SHIFT];
	int rc;

	pthread_mutex_lock(&sh->lock);
	rc = enter(sh, &(struct key){ user, len }, hash, max);
	pthread_mutex_unlock(&sh->lock);
	return rc;
}

void
budget_scope_leave(struct budget_scope *s, const char *user, size_t len)
{
	const uint32_t hash = table_hash(user, len);
	struct shard *sh = &s->shard[hash >> SHARD_SHIFT];
	struct user *u;

	pthread_mutex_lock(&sh->lock);
	u = table_find(sh->users, hash, &(struct key){ user, len });
	assert(u != NULL);
	if (--u->count == 0) {
		table_remove(sh->users, hash, u);
		mem_free(u);
	}
	pthread_mutex_unlock(&sh->lock);
}

size_t
budget_scope_users(struct budget_scope *s)
{
	size_t n = 0;

	for (size_t i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&s->shard[i].lock);
		n += table_count(s->shard[i].users);
		pthread_mutex_unlock(&s->shard[i].lock);
	}
	return n;
}
