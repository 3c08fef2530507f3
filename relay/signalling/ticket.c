#include "signalling/ticket.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "common/base64url.h"
#include "common/entropy.h"
#include "common/list.h"
#include "common/mem.h"
#include "common/table.h"

_Static_assert(BASE64URL_LEN(SIGNAL_TICKET_LEN) == SIGNAL_TICKET_TEXT,
    "the text of a ticket");

/* One ticket. */
struct side {
	uint8_t key[SIGNAL_TICKET_LEN];
	unsigned index; /* 0 or 1 in its pair */
	bool is_used;
	struct signal_place place;
	char *name; /* ours */
};

struct pair {
	struct list node; /* the oldest first */
	struct list over; /* the first one over first */
	uint64_t number;
	struct side sides[2];
	struct asker *asker; /* NULL: not counted any more */
	mono_ms expires;
	bool is_over; /* both came, or one came and went */
};

/* How many of a session's pairs are open. */
struct asker {
	uint64_t session;
	unsigned open;
};

struct signal_tickets {
	pthread_mutex_t lock;
	/* SHARED: lock */
	struct table *sides;   /* struct side by its key */
	struct table *askers;  /* by session */
	struct table *numbers; /* pairs by number */
	struct list pairs;
	struct list over; /* those of them that are: the first to go */
	size_t count;
	uint64_t last; /* number of a pair */
};

static bool
is_side(const void *item, const void *key)
{
	const struct side *side = item;

	return memcmp(side->key, key, SIGNAL_TICKET_LEN) == 0;
}

static bool
is_asker(const void *item, const void *key)
{
	const struct asker *asker = item;

	return memcmp(&asker->session, key, sizeof(asker->session)) == 0;
}

static bool
is_pair(const void *item, const void *key)
{
	const struct pair *p = item;

	return memcmp(&p->number, key, sizeof(p->number)) == 0;
}

static struct pair *
pair_of(struct side *side)
{
	return LIST_ITEM(side - side->index, struct pair, sides);
}

/* ---- life */

struct signal_tickets *
signal_tickets_new(void)
{
	struct signal_tickets *t = mem_try(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->pairs);
	list_init(&t->over);
	t->sides = table_new(64, is_side);
	t->askers = table_new(64, is_asker);
	t->numbers = table_new(64, is_pair);
	if (t->sides != NULL && t->askers != NULL && t->numbers != NULL)
		return t;
	signal_tickets_free(t);
	return NULL;
}

static uint32_t
hash_number(uint64_t number)
{
	return table_hash(&number, sizeof(number));
}

/* One open pair less. */
static void
put_asker(struct signal_tickets *t, struct pair *p)
{
	struct asker *asker = p->asker;

	p->asker = NULL;
	if (asker == NULL || --asker->open > 0)
		return;
	table_remove(t->askers, hash_number(asker->session), asker);
	mem_free(asker);
}

/* Accepts a half-built one. */
static void
free_pair(struct signal_tickets *t, struct pair *p)
{
	put_asker(t, p);
	for (unsigned i = 0; i < 2; i++) {
		struct side *side = &p->sides[i];

		table_remove(
		    t->sides, table_hash(side->key, sizeof(side->key)), side);
		mem_free(side->name);
	}
	table_remove(t->numbers, hash_number(p->number), p);
	if (list_is_linked(&p->node))
		t->count--;
	list_remove(&p->node);
	list_remove(&p->over);
	mem_free(p);
}

void
signal_tickets_free(struct signal_tickets *t)
{
	if (t == NULL)
		return;
	while (!list_is_empty(&t->pairs))
		free_pair(t, LIST_ITEM(t->pairs.next, struct pair, node));
	table_free(t->sides);
	table_free(t->askers);
	table_free(t->numbers);
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

/* All live equally long, so the oldest go first. */
static void
forget_old(struct signal_tickets *t, mono_ms now)
{
	const mono_ms late = SIGNAL_TICKET_KEPT_MS - SIGNAL_TICKET_MS;

	while (!list_is_empty(&t->pairs)) {
		struct pair *p = LIST_ITEM(t->pairs.next, struct pair, node);

		if (now < p->expires + late)
			return;
		free_pair(t, p);
	}
}

/* It will join nobody: known for the answer to who comes too late alone. */
static void
end_pair(struct signal_tickets *t, struct pair *p)
{
	if (p->is_over)
		return;
	p->is_over = true;
	list_append(&t->over, &p->over);
	put_asker(t, p);
}

/* Pairs that are over count to no asker, so they make room for others. */
static bool
has_room(struct signal_tickets *t)
{
	if (t->count < SIGNAL_TICKET_PAIRS_MAX)
		return true;
	if (list_is_empty(&t->over))
		return false;
	free_pair(t, LIST_ITEM(t->over.next, struct pair, over));
	return true;
}

/* ---- issuing */

static int
get_asker(struct signal_tickets *t, struct pair *p, uint64_t session)
{
	const uint32_t hash = hash_number(session);
	struct asker *asker = table_find(t->askers, hash, &session);

	if (asker == NULL) {
		if ((asker = mem_try(1, sizeof(*asker))) == NULL)
			return ENOMEM;
		asker->session = session;
		if (table_add(t->askers, hash, asker) != 0) {
			mem_free(asker);
			return ENOMEM;
		}
	}
	if (asker->open >= SIGNAL_TICKET_OPEN_MAX)
		return EDQUOT;
	asker->open++;
	p->asker = asker;
	return 0;
}

static int
init_side(
    struct signal_tickets *t, struct side *side, const struct signal_party *of)
{
	if ((side->name = mem_strdup(of->name)) == NULL)
		return ENOMEM;
	return table_add(
	    t->sides, table_hash(side->key, sizeof(side->key)), side);
}

static int
issue(struct signal_tickets *t, const struct signal_party parties[2],
    mono_ms now, struct pair **out)
{
	struct pair *p;
	int rc;

	forget_old(t, now);
	if (!has_room(t))
		return ENOSPC;
	if ((p = mem_try(1, sizeof(*p))) == NULL)
		return ENOMEM;
	p->number = ++t->last;
	p->expires = now + SIGNAL_TICKET_MS;
	p->sides[1].index = 1;
	entropy_fill(p->sides[0].key, sizeof(p->sides[0].key));
	entropy_fill(p->sides[1].key, sizeof(p->sides[1].key));
	if ((rc = get_asker(t, p, parties[0].session)) != 0 ||
	    (rc = init_side(t, &p->sides[0], &parties[0])) != 0 ||
	    (rc = init_side(t, &p->sides[1], &parties[1])) != 0 ||
	    (rc = table_add(t->numbers, hash_number(p->number), p)) != 0)
		goto fail;
	list_append(&t->pairs, &p->node);
	t->count++;
	*out = p;
	return 0;

fail:
	free_pair(t, p);
	return rc;
}

int
signal_ticket_issue(struct signal_ticket_pair *out, struct signal_tickets *t,
    const struct signal_party parties[2], mono_ms now)
{
	struct pair *p;
	int rc;

	pthread_mutex_lock(&t->lock);
	if ((rc = issue(t, parties, now, &p)) == 0)
		for (unsigned i = 0; i < 2; i++)
			base64url_write(out->of[i], p->sides[i].key,
			    sizeof(p->sides[i].key));
	pthread_mutex_unlock(&t->lock);
	return rc;
}

/* ---- using */

static int
use(struct signal_ticket_grant *out, struct signal_tickets *t,
    struct side *side, mono_ms now)
{
	struct pair *p = pair_of(side);
	struct side *other = &p->sides[1 - side->index];

	if (side->is_used || p->is_over || now >= p->expires)
		return ESTALE;
	side->is_used = true;
	if (other->is_used)
		end_pair(t, p);
	*out = (struct signal_ticket_grant){ .pair = p->number,
		.side = side->index,
		.other = other->place,
		.expires = p->expires };
	strncpy(out->name, side->name, sizeof(out->name) - 1);
	return 0;
}

int
signal_ticket_use(struct signal_ticket_grant *out, struct signal_tickets *t,
    const char *text, const struct signal_place *place, mono_ms now)
{
	uint8_t key[SIGNAL_TICKET_LEN];
	struct side *side;
	size_t got;
	int rc = ENOENT;

	if (base64url_read(key, sizeof(key), &got, text, strlen(text)) != 0 ||
	    got != sizeof(key))
		return ENOENT;
	pthread_mutex_lock(&t->lock);
	forget_old(t, now);
	side = table_find(t->sides, table_hash(key, sizeof(key)), key);
	if (side != NULL && (rc = use(out, t, side, now)) == 0)
		side->place = *place;
	pthread_mutex_unlock(&t->lock);
	return rc;
}

void
signal_ticket_leave(struct signal_tickets *t, uint64_t pair)
{
	struct pair *p;

	pthread_mutex_lock(&t->lock);
	if ((p = table_find(t->numbers, hash_number(pair), &pair)) != NULL)
		end_pair(t, p);
	pthread_mutex_unlock(&t->lock);
}

size_t
signal_tickets_count(struct signal_tickets *t)
{
	size_t count;

	pthread_mutex_lock(&t->lock);
	count = t->count;
	pthread_mutex_unlock(&t->lock);
	return count;
}
