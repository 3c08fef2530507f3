#include "relay/quota_users.h"

#include <pthread.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"

enum { ROOM = 64 };

struct user {
	uint64_t bytes[STATS_DIRS];
	enum budget_state state;
	uint32_t hash;
	size_t len;
	char name[];
};

struct key {
	const char *name;
	size_t len;
};

struct quota_users {
	pthread_mutex_t lock;
	/* SHARED: lock */
	struct table *left;
	struct table *states; /* of those who are not BUDGET_OPEN */
	uint64_t nameless[STATS_DIRS];
};

static bool
is_user(const void *item, const void *key)
{
	const struct user *u = item;
	const struct key *k = key;

	return u->len == k->len && memcmp(u->name, k->name, k->len) == 0;
}

struct quota_users *
quota_users_new(void)
{
	struct quota_users *u;

	if ((u = mem_try(1, sizeof(*u))) == NULL)
		return NULL;
	pthread_mutex_init(&u->lock, NULL);
	if ((u->left = table_new(ROOM, is_user)) == NULL ||
	    (u->states = table_new(ROOM, is_user)) == NULL)
		goto fail;
	return u;

fail:
	quota_users_free(u);
	return NULL;
}

static void
free_table(struct table *t)
{
	struct user *u;
	size_t pos = 0;

	while (t != NULL && (u = table_next(t, &pos)) != NULL)
		mem_free(u);
	table_free(t);
}

void
quota_users_free(struct quota_users *u)
{
	if (u == NULL)
		return;
	free_table(u->left);
	free_table(u->states);
	pthread_mutex_destroy(&u->lock);
	mem_free(u);
}

static struct user *
find(const struct table *t, const char *name, size_t len, uint32_t hash)
{
	return table_find(t, hash, &(struct key){ name, len });
}

/* Returns NULL when memory is short. */
static struct user *
find_or_add(struct table *t, const char *name, size_t len)
{
	const uint32_t hash = table_hash(name, len);
	struct user *u;

	if ((u = find(t, name, len, hash)) != NULL)
		return u;
	if ((u = mem_try(1, sizeof(*u) + len)) == NULL)
		return NULL;
	u->hash = hash;
	u->len = len;
	memcpy(u->name, name, len);
	if (table_add(t, hash, u) != 0) {
		mem_free(u);
		return NULL;
	}
	return u;
}

void
quota_users_leave(struct quota_users *u, const struct budget_account *account)
{
	uint64_t *bytes = u->nameless;
	struct user *user;

	pthread_mutex_lock(&u->lock);
	user = find_or_add(u->left, account->name, account->len);
	if (user != NULL)
		bytes = user->bytes;
	for (int d = 0; d < STATS_DIRS; d++)
		bytes[d] += account->bytes[d];
	pthread_mutex_unlock(&u->lock);
}

enum budget_state
quota_users_enter(struct quota_users *u, const char *user, size_t len)
{
	enum budget_state state = BUDGET_OPEN;
	const struct user *known;

	pthread_mutex_lock(&u->lock);
	known = find(u->states, user, len, table_hash(user, len));
	if (known != NULL)
		state = known->state;
	pthread_mutex_unlock(&u->lock);
	return state;
}

void
quota_users_take(struct quota_users *u, quota_left_fn *fn, void *arg)
{
	struct table *fresh = table_new(ROOM, is_user);
	struct quota_left left = { .len = 0, .name = "" };
	struct table *taken = NULL;
	const struct user *user;
	size_t pos = 0;

	pthread_mutex_lock(&u->lock);
	memcpy(left.bytes, u->nameless, sizeof(left.bytes));
	memset(u->nameless, 0, sizeof(u->nameless));
	/* without memory for another table they wait */
	if (fresh != NULL && table_count(u->left) > 0) {
		taken = u->left;
		u->left = fresh;
		fresh = NULL;
	}
	pthread_mutex_unlock(&u->lock);
	table_free(fresh);
	fn(arg, &left);
	while (taken != NULL && (user = table_next(taken, &pos)) != NULL) {
		left.name = user->name;
		left.len = user->len;
		memcpy(left.bytes, user->bytes, sizeof(left.bytes));
		fn(arg, &left);
	}
	free_table(taken);
}

void
quota_users_set(struct quota_users *u, const char *name, size_t len,
    enum budget_state state)
{
	struct user *user;

	pthread_mutex_lock(&u->lock);
	if (state != BUDGET_OPEN) {
		if ((user = find_or_add(u->states, name, len)) != NULL)
			user->state = state;
	} else if ((user = find(u->states, name, len, table_hash(name, len))) !=
	    NULL) {
		table_remove(u->states, user->hash, user);
		mem_free(user);
	}
	pthread_mutex_unlock(&u->lock);
}
