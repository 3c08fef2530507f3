/* Who has an id of the PeerServer dialect, and what waits: peerjs_own.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/table.h"
#include "relay/snapshot.h"
#include "signalling/peerjs_own.h"

/*
 * An id that somebody has, or that something waits for; never neither, never
 * both:
 *
 *	-letter-> AWAITED -COME-> HERE -GO-> freed; AWAITED -time-> freed
 */
struct home {
	/* OWNER: worker */
	struct signal_peers *peers;
	struct proto_peerjs_id id;
	bool is_here;
	struct directory_place place; /* of who has it */
	struct signal_peerjs_token token;
	struct list waiting; /* letters, in order */
	size_t count, bytes; /* of them */
	struct wheel_timer expiry;
};

static bool
has_id(const void *item, const void *key)
{
	const struct home *h = item;

	return proto_peerjs_same(&h->id, key);
}

static struct directory_name
name_of(const struct home *h)
{
	return (struct directory_name){
		.space = DIRECTORY_PEERJS, .at = h->id.at, .len = h->id.len
	};
}

static struct home *
find(const struct signal_peers *p, const struct proto_peerjs_id *id)
{
	return table_find(p->homes, table_hash(id->at, id->len), id);
}

/* Nobody's, and nothing waits.  NULL: memory is short. */
static struct home *
make(struct signal_peers *p, const struct proto_peerjs_id *id)
{
	struct home *h;

	if ((h = mem_try(1, sizeof(*h))) == NULL)
		return NULL;
	h->peers = p;
	h->id = *id;
	list_init(&h->waiting);
	if (table_add(p->homes, table_hash(id->at, id->len), h) == 0)
		return h;
	mem_free(h);
	return NULL;
}

static void
forget(struct home *h)
{
	struct signal_peers *p = h->peers;

	assert(list_is_empty(&h->waiting) && !wheel_is_set(&h->expiry));
	table_remove(p->homes, table_hash(h->id.at, h->id.len), h);
	mem_free(h);
}

/* ---- what waits */

/* The oldest letter; NULL: none is left. */
static struct signal_peerjs_letter *
take_letter(struct home *h)
{
	struct signal_peerjs_letter *l;

	if (list_is_empty(&h->waiting))
		return NULL;
	l = LIST_ITEM(h->waiting.next, struct signal_peerjs_letter, node);
	list_remove(&l->node);
	h->count--;
	h->bytes -= l->len;
	h->peers->waiting_bytes -= l->len;
	stats_count(h->peers->s->config.stats, STATS_SIGNAL_WAITING, -1);
	return l;
}

static bool
is_sender(const void *item, const void *key)
{
	const struct signal_peerjs_letter *l = item;

	return proto_peerjs_same(&l->from, key);
}

/* Nobody came: EXPIRE, once to each sender.  Without memory to remember them
 * some hear it twice. */
static void
expire(struct wheel_timer *t, mono_ms now)
{
	struct home *h = LIST_ITEM(t, struct home, expiry);
	struct table *told = table_new(h->count, is_sender);
	struct signal_peerjs_letter *l;
	struct list done, *node, *next;
	uint32_t hash;

	(void)now;
	list_init(&done);
	while ((l = take_letter(h)) != NULL) {
		list_append(&done, &l->node);
		hash = table_hash(l->from.at, l->from.len);
		if (told != NULL && table_find(told, hash, &l->from) != NULL)
			continue;
		signal_peerjs_post_refuse(h->peers, l, PROTO_PEERJS_EXPIRE);
		if (told != NULL && table_add(told, hash, l) != 0)
			continue;
	}
	table_free(told);
	LIST_EACH_SAFE (node, next, &done) {
		list_remove(node);
		mem_free(LIST_ITEM(node, struct signal_peerjs_letter, node));
	}
	forget(h);
}

static bool
has_room(const struct home *h, size_t len)
{
	const struct signal_peers *p = h->peers;
	const struct snapshot *conf = p->s->conf;

	return conf->signalling.wait_ms > 0 &&
	    h->count < conf->signalling.waiting &&
	    h->bytes + len <= conf->signalling.waiting_bytes &&
	    p->waiting_bytes + len <= PEERJS_WAITING_MAX;
}

/* False: it cannot wait. */
static bool
wait_for(struct home *h, struct signal_peerjs_letter *l)
{
	struct signal_peers *p = h->peers;

	if (!has_room(h, l->len))
		return false;
	list_append(&h->waiting, &l->node);
	h->count++;
	h->bytes += l->len;
	p->waiting_bytes += l->len;
	stats_count(p->s->config.stats, STATS_SIGNAL_WAITING, 1);
	/* all go with the first, as the reference has it */
	if (!wheel_is_set(&h->expiry))
		wheel_set(p->s->config.wheel, &h->expiry,
		    signalling_now(p->s) +
			(mono_ms)p->s->conf->signalling.wait_ms,
		    expire);
	return true;
}

/* ---- letters */

static void
refuse(struct signal_peers *p, struct signal_peerjs_letter *l,
    enum proto_peerjs_type type)
{
	signal_peerjs_post_refuse(p, l, type);
	mem_free(l);
}

static void
deliver(struct home *h, struct signal_peerjs_letter *l)
{
	l->session = h->place.session;
	if (signal_peerjs_post_client(h->peers, h->place.worker, l) != 0)
		refuse(h->peers, l, PROTO_PEERJS_EXPIRE);
}

static void
take_absent(
    struct signal_peers *p, struct home *h, struct signal_peerjs_letter *l)
{
	if (!l->waits) {
		mem_free(l);
		return;
	}
	if (h == NULL && (h = make(p, &l->to)) == NULL) {
		refuse(p, l, PROTO_PEERJS_EXPIRE);
		return;
	}
	if (wait_for(h, l))
		return;
	refuse(p, l, PROTO_PEERJS_EXPIRE);
	if (list_is_empty(&h->waiting))
		forget(h);
}

void
signal_peerjs_home_take(struct signal_peers *p, struct signal_peerjs_letter *l)
{
	struct home *h = find(p, &l->to);

	if (h == NULL || !h->is_here)
		take_absent(p, h, l);
	else if (h->place.session == l->session)
		/* it comes from there: that session is no more, and its GO
		 * is late */
		refuse(p, l, PROTO_PEERJS_LEAVE);
	else
		deliver(h, l);
}

/* ---- notices */

static bool
has_token(const struct home *h, const struct signal_peerjs_token *t)
{
	return secret_equal(&h->token, t, sizeof(*t));
}

/* The id was nobody's. */
static int
claim(struct home *h, const struct signal_peerjs_notice *n)
{
	struct directory_claim c = { .name = name_of(h),
		.place = n->place,
		.limit = 1,
		.is_exclusive = true,
		.presence = DIRECTORY_NOBODY };
	bool came;
	int rc;

	rc =
	    directory_claim(signalling_directory(h->peers->s), &c, &came, NULL);
	if (rc != 0)
		return rc;
	h->place = c.place;
	h->token = n->token;
	h->is_here = true;
	return 0;
}

/* Another connection of the one who has it.  Nobody else moves it. */
static int
replace(struct home *h, const struct signal_peerjs_notice *n)
{
	const struct directory_name name = name_of(h);
	struct signal_peerjs_notice *old;
	struct directory_place place = n->place;
	int rc;

	if ((old = mem_try(1, sizeof(*old))) == NULL)
		return ENOMEM;
	old->id = h->id;
	old->place = h->place;
	rc = directory_move(
	    signalling_directory(h->peers->s), &name, &h->place, &place);
	assert(rc == 0);
	h->place = place;
	signal_peerjs_post_word(h->peers, old, PEERJS_REPLACED);
	return 0;
}

static void
flush(struct home *h)
{
	struct signal_peerjs_letter *l;

	wheel_stop(h->peers->s->config.wheel, &h->expiry);
	while ((l = take_letter(h)) != NULL)
		deliver(h, l);
}

static void
hear_come(struct signal_peers *p, struct signal_peerjs_notice *n)
{
	struct home *h = find(p, &n->id);
	int rc = 0;

	if (h != NULL && h->is_here && !has_token(h, &n->token)) {
		signal_peerjs_post_word(p, n, PEERJS_TAKEN);
		return;
	}
	if (h == NULL && (h = make(p, &n->id)) == NULL)
		rc = ENOMEM;
	else
		rc = h->is_here ? replace(h, n) : claim(h, n);
	if (rc == 0) {
		signal_peerjs_post_word(p, n, PEERJS_WELCOME);
		flush(h);
		return;
	}
	if (h != NULL && !h->is_here && list_is_empty(&h->waiting))
		forget(h);
	signal_peerjs_post_word(p, n, PEERJS_FULL);
}

static void
release(struct home *h)
{
	const struct directory_name name = name_of(h);
	bool left;

	directory_release(
	    signalling_directory(h->peers->s), &name, &h->place, &left, NULL);
}

static void
hear_go(struct signal_peers *p, struct signal_peerjs_notice *n)
{
	struct home *h = find(p, &n->id);

	/* one that was replaced, or never came in, changes nothing */
	if (h != NULL && h->is_here && h->place.session == n->place.session) {
		release(h);
		forget(h);
	}
	mem_free(n);
}

void
signal_peerjs_home_hear(struct signal_peers *p, struct signal_peerjs_notice *n)
{
	if (n->word == PEERJS_COME)
		hear_come(p, n);
	else
		hear_go(p, n);
}

/* ---- start and end */

int
signal_peerjs_home_open(struct signal_peers *p)
{
	return (p->homes = table_new(0, has_id)) == NULL ? ENOMEM : 0;
}

/* The table goes as a whole: its items need not leave it one by one. */
void
signal_peerjs_home_close(struct signal_peers *p)
{
	struct signal_peerjs_letter *l;
	struct home *h;
	size_t pos = 0;

	if (p->homes == NULL)
		return;
	while ((h = table_next(p->homes, &pos)) != NULL) {
		while ((l = take_letter(h)) != NULL)
			mem_free(l);
		if (h->is_here)
			release(h);
		wheel_stop(p->s->config.wheel, &h->expiry);
		mem_free(h);
	}
	table_free(p->homes);
	p->homes = NULL;
}
