#include "budget/ledger.h"

#include <jansson.h>
#include <string.h>

#include "budget/ledger_own.h"
#include "common/mem.h"
#include "common/table.h"

enum { USERS_ROOM = 64, HOUR_S = 3600 };

struct key {
	const char *name;
	size_t len;
};

/* ---- accounts */

static bool
is_named(const void *item, const void *key)
{
	const struct budget_entry *a = item;
	const struct key *k = key;

	return a->len == k->len && memcmp(a->name, k->name, k->len) == 0;
}

static struct budget_entry *
new_account(const char *name, size_t len)
{
	struct budget_entry *a;

	if ((a = mem_try(1, sizeof(*a) + len + 1)) == NULL)
		return NULL;
	a->len = len;
	memcpy(a->name, name, len);
	return a;
}

static void
free_list(struct list *head)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE (n, tmp, head)
		mem_free(LIST_ITEM(n, struct budget_entry, node));
}

struct budget_ledger *
budget_ledger_empty(void)
{
	struct budget_ledger *l;

	if ((l = mem_try(1, sizeof(*l))) == NULL)
		return NULL;
	list_init(&l->users);
	list_init(&l->networks);
	l->before[BUDGET_DAY] = l->before[BUDGET_MONTH] = -1;
	if ((l->host = new_account("", 0)) == NULL ||
	    (l->others = new_account("", 0)) == NULL ||
	    (l->by_name = table_new(USERS_ROOM, is_named)) == NULL)
		goto fail;
	return l;

fail:
	budget_ledger_free(l);
	return NULL;
}

struct budget_ledger *
budget_ledger_new(const struct budget_calendar *c, int64_t now)
{
	struct budget_ledger *l;

	if ((l = budget_ledger_empty()) == NULL)
		return NULL;
	l->id[BUDGET_DAY] = budget_period_at(c, BUDGET_DAY, now).id;
	l->id[BUDGET_MONTH] = budget_period_at(c, BUDGET_MONTH, now).id;
	l->hour = l->since_hour = now / HOUR_S;
	return l;
}

void
budget_ledger_free(struct budget_ledger *l)
{
	if (l == NULL)
		return;
	free_list(&l->users);
	free_list(&l->networks);
	table_free(l->by_name);
	mem_free(l->host);
	mem_free(l->others);
	mem_free(l);
}

struct budget_entry *
budget_ledger_host(struct budget_ledger *l)
{
	return l->host;
}

struct budget_entry *
budget_ledger_others(struct budget_ledger *l)
{
	return l->others;
}

/* ---- users */

static void
remove_user(struct budget_ledger *l, struct budget_entry *a)
{
	table_remove(l->by_name, a->hash, a);
	list_remove(&a->node);
	mem_free(a);
}

static void
add_count(struct budget_count *to, const struct budget_count *c)
{
	to->in += c->in;
	to->out += c->out;
	to->counted += c->counted;
	to->carried += c->carried;
}

static void
fold(struct budget_ledger *l, struct budget_entry *a)
{
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		add_count(&l->others->now[k], &a->now[k]);
		add_count(&l->others->before[k], &a->before[k]);
	}
	remove_user(l, a);
}

/* Makes room for one user more: the idlest goes whose quota is not used up,
 * or it would begin anew. */
static bool
make_room(struct budget_ledger *l)
{
	struct list *n, *tmp;

	if (table_count(l->by_name) < BUDGET_LEDGER_USERS_MAX)
		return true;
	LIST_EACH_SAFE (n, tmp, &l->users) {
		struct budget_entry *a =
		    LIST_ITEM(n, struct budget_entry, node);

		if (!a->is_spared) {
			fold(l, a);
			return true;
		}
	}
	return false;
}

/* A name that JSON can hold: UTF-8, and no NUL. */
static bool
is_text(const char *name, size_t len)
{
	json_t *text = json_stringn(name, len);
	const bool is_valid = text != NULL && memchr(name, '\0', len) == NULL;

	json_decref(text);
	return is_valid;
}

struct budget_entry *
budget_ledger_user(struct budget_ledger *l, const char *name, size_t len)
{
	const uint32_t hash = table_hash(name, len);
	struct budget_entry *a;

	a = table_find(l->by_name, hash, &(struct key){ name, len });
	if (a != NULL)
		return a;
	if (len == 0 || len > BUDGET_LEDGER_NAME_MAX || !is_text(name, len) ||
	    !make_room(l) || (a = new_account(name, len)) == NULL)
		return l->others;
	a->hash = hash;
	if (table_add(l->by_name, hash, a) != 0) {
		mem_free(a);
		return l->others;
	}
	list_append(&l->users, &a->node);
	return a;
}

size_t
budget_ledger_users(const struct budget_ledger *l)
{
	return table_count(l->by_name);
}

struct budget_entry *
budget_ledger_network(struct budget_ledger *l, const char *name)
{
	const struct key key = { name, strlen(name) };
	struct budget_entry *a = NULL;

	while ((a = budget_ledger_next_network(l, a)) != NULL)
		if (is_named(a, &key))
			return a;
	if (key.len == 0 || key.len > BUDGET_LEDGER_NAME_MAX ||
	    l->network_count >= BUDGET_LEDGER_NETWORKS_MAX ||
	    (a = new_account(name, key.len)) == NULL)
		return l->others;
	list_append(&l->networks, &a->node);
	l->network_count++;
	return a;
}

static struct budget_entry *
next(struct list *head, struct budget_entry *a)
{
	struct list *n = a == NULL ? head->next : a->node.next;

	return n == head ? NULL : LIST_ITEM(n, struct budget_entry, node);
}

struct budget_entry *
budget_ledger_next_network(struct budget_ledger *l, struct budget_entry *a)
{
	return next(&l->networks, a);
}

struct budget_entry *
budget_ledger_next_user(struct budget_ledger *l, struct budget_entry *a)
{
	return next(&l->users, a);
}

/* ---- counting */

uint64_t
budget_count_used(const struct budget_count *c)
{
	return c->counted + c->carried;
}

/* Hours that nobody counted were empty. */
static void
turn_hours(struct budget_ledger *l, int64_t hour)
{
	if (hour < l->hour || hour - l->hour >= BUDGET_LEDGER_HOURS) {
		/* the clock jumped, or nothing moved for a day */
		if (hour < l->since_hour)
			l->since_hour = hour;
		memset(l->hours, 0, sizeof(l->hours));
		l->hour = hour;
	}
	while (l->hour < hour)
		l->hours[++l->hour % BUDGET_LEDGER_HOURS] = 0;
}

void
budget_ledger_add(struct budget_ledger *l, struct budget_entry *a,
    const struct budget_count *more, int64_t now)
{
	add_count(&a->now[BUDGET_DAY], more);
	add_count(&a->now[BUDGET_MONTH], more);
	if (a == l->host) {
		turn_hours(l, now / HOUR_S);
		l->hours[l->hour % BUDGET_LEDGER_HOURS] += more->counted;
	} else if (a->hash != 0 && (more->in != 0 || more->out != 0)) {
		list_remove(&a->node);
		list_append(&l->users, &a->node);
	}
}

void
budget_ledger_give_back(struct budget_ledger *l, uint64_t bytes)
{
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		uint64_t *counted = &l->host->now[k].counted;

		*counted -= bytes < *counted ? bytes : *counted;
	}
}

uint64_t
budget_ledger_last_day(
    const struct budget_ledger *l, int64_t now, int64_t *seconds)
{
	const int64_t hour = now / HOUR_S;
	int64_t first = hour - BUDGET_LEDGER_HOURS + 1;
	uint64_t sum = 0;

	for (int64_t h = first; h <= hour; h++)
		if (h >= 0 && h <= l->hour && l->hour - h < BUDGET_LEDGER_HOURS)
			sum += l->hours[h % BUDGET_LEDGER_HOURS];
	if (first < l->since_hour)
		first = l->since_hour;
	*seconds = now - first * HOUR_S;
	return sum;
}

/* ---- periods */

int32_t
budget_ledger_id(const struct budget_ledger *l, enum budget_period_kind kind)
{
	return l->id[kind];
}

int32_t
budget_ledger_before(const struct budget_ledger *l)
{
	return l->before[BUDGET_MONTH];
}

static void
each(struct budget_ledger *l,
    void (*fn)(
	struct budget_entry *a, enum budget_period_kind kind, bool is_jump),
    enum budget_period_kind kind, bool is_jump)
{
	struct budget_entry *a = NULL;

	fn(l->host, kind, is_jump);
	fn(l->others, kind, is_jump);
	while ((a = budget_ledger_next_network(l, a)) != NULL)
		fn(a, kind, is_jump);
	while ((a = budget_ledger_next_user(l, a)) != NULL)
		fn(a, kind, is_jump);
}

/* Into the next period: empty, unless the clock jumped there. */
static void
go_on(struct budget_entry *a, enum budget_period_kind kind, bool is_jump)
{
	const uint64_t used = budget_count_used(&a->now[kind]);

	a->before[kind] = a->now[kind];
	a->now[kind] = (struct budget_count){ .carried = is_jump ? used : 0 };
	a->warned[kind] = 0;
}

/* Back into the period before.  What was carried came from there: the one
 * that is larger holds. */
static void
go_back(struct budget_entry *a, enum budget_period_kind kind, bool is_known)
{
	struct budget_count *now = &a->now[kind];
	const struct budget_count *before = &a->before[kind];

	if (!is_known)
		return;
	now->in += before->in;
	now->out += before->out;
	now->counted += before->counted;
	now->carried = now->carried > before->counted + before->carried
	    ? now->carried - before->counted
	    : before->carried;
	a->before[kind] = (struct budget_count){ 0 };
}

void
budget_ledger_set(struct budget_ledger *l, enum budget_period_kind kind,
    int32_t id, bool is_jump)
{
	if (id > l->id[kind]) {
		each(l, go_on, kind, is_jump);
		l->before[kind] = l->id[kind];
	} else {
		/* a period that is not the one before takes the counts over */
		each(l, go_back, kind, id == l->before[kind]);
		if (id <= l->before[kind])
			l->before[kind] = -1;
	}
	l->id[kind] = id;
	if (kind == BUDGET_MONTH)
		l->is_to_keep = l->before[BUDGET_MONTH] >= 0;
}

bool
budget_ledger_turn(struct budget_ledger *l, const struct budget_calendar *c,
    int64_t now, bool is_jump)
{
	const int32_t day = budget_period_at(c, BUDGET_DAY, now).id;
	const int32_t month = budget_period_at(c, BUDGET_MONTH, now).id;

	if (day != l->id[BUDGET_DAY])
		budget_ledger_set(l, BUDGET_DAY, day, is_jump);
	if (month != l->id[BUDGET_MONTH])
		budget_ledger_set(l, BUDGET_MONTH, month, is_jump);
	return l->is_to_keep;
}

bool
budget_ledger_is_to_keep(const struct budget_ledger *l)
{
	return l->is_to_keep;
}

void
budget_ledger_kept(struct budget_ledger *l)
{
	struct list *n, *tmp;

	l->is_to_keep = false;
	LIST_EACH_SAFE (n, tmp, &l->users) {
		struct budget_entry *a =
		    LIST_ITEM(n, struct budget_entry, node);
		const struct budget_count *c = &a->now[BUDGET_MONTH];

		if (c->in + c->out + c->carried == 0 && !a->is_spared)
			remove_user(l, a);
	}
}
