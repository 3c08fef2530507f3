/* A client of the PeerServer dialect: peerjs_own.h. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/entropy.h"
#include "common/mem.h"
#include "common/proto/proto.h"
#include "common/table.h"
#include "relay/snapshot.h"
#include "signalling/counts.h"
#include "signalling/limits.h"
#include "signalling/peerjs_own.h"

/*
 *	ASKING -WELCOME-> OPEN; either -closed, or ended here-> freed
 *
 * Nothing is read while it asks for its id, nor while it is over a limit:
 * the dialect has no word for that, and nothing it said is lost.
 */
enum client_state { ASKING, OPEN };

struct client {
	/* OWNER: worker */
	struct list node; /* in peers->all */
	struct signal_peers *peers;
	struct net_web *web;
	enum client_state state;
	uint64_t session; /* its key in peers->clients */
	struct proto_peerjs_id id;
	struct addr from;
	struct signal_peerjs_notice *go; /* ours: to leave takes no memory */
	mono_ms since, alive;
	struct wheel_timer alive_timer, pace_timer;
	struct signal_limits limits;
	size_t owed; /* bytes of the message that was over a limit */
	uint64_t messages_in, messages_out, bytes_in, bytes_out;
};

static void on_alive(struct wheel_timer *t, mono_ms now);
static void on_pace(struct wheel_timer *t, mono_ms now);

static bool
has_session(const void *item, const void *key)
{
	const struct client *c = item;

	return c->session == *(const uint64_t *)key;
}

static struct client *
find(const struct signal_peers *p, uint64_t session)
{
	return table_find(
	    p->clients, table_hash(&session, sizeof(session)), &session);
}

static struct mem_use *
memory_of(const struct signal_peers *p)
{
	return stats_memory(p->s->config.stats, MEMORY_PEERJS);
}

/* ---- ending */

/* Leaves its id, its place and the memory. */
static void
forget(struct client *c)
{
	struct signal_peers *p = c->peers;
	struct wheel *wheel = p->s->config.wheel;

	wheel_stop(wheel, &c->alive_timer);
	wheel_stop(wheel, &c->pace_timer);
	table_remove(
	    p->clients, table_hash(&c->session, sizeof(c->session)), c);
	list_remove(&c->node);
	stats_count(p->s->config.stats, STATS_PEERJS_CLIENTS, -1);
	signal_counts_put(p->s->shared->counts, &c->from);
	signal_peerjs_post_word(p, c->go, PEERJS_GO);
	mem_use_one(memory_of(p), -1, c);
	mem_free(c);
}

static void
end(struct client *c, unsigned code, const char *why)
{
	net_web_close(c->web, code, why);
	forget(c);
}

/* ---- what it says */

static struct signal_rate
rate_of(const struct client *c)
{
	const struct snapshot *conf = c->peers->s->conf;
	const uint64_t bytes = conf->signalling.bytes / 8;

	return (struct signal_rate){ .messages = conf->signalling.messages,
		.bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX };
}

/* Over a limit: what it said counts, but nothing more is read until then. */
static void
keep_pace(struct client *c, size_t len)
{
	struct signalling *s = c->peers->s;
	const struct signal_rate rate = rate_of(c);
	const mono_ms now = signalling_now(s);
	unsigned ms;

	if ((ms = signal_limits_take(&c->limits, &rate, len, now)) == 0)
		return;
	c->owed = len;
	stats_count(s->config.stats, STATS_SIGNAL_LIMITED, 1);
	net_web_hold(c->web, true);
	wheel_set(s->config.wheel, &c->pace_timer, now + ms, on_pace);
}

static void
on_pace(struct wheel_timer *t, mono_ms now)
{
	struct client *c = LIST_ITEM(t, struct client, pace_timer);
	const struct signal_rate rate = rate_of(c);
	unsigned ms;

	ms = signal_limits_take(&c->limits, &rate, c->owed, now);
	if (ms > 0) {
		wheel_set(c->peers->s->config.wheel, t, now + ms, on_pace);
		return;
	}
	/* its heartbeats were not read meanwhile */
	c->alive = now;
	net_web_hold(c->web, false);
}

/* The only one who is told why: the dialect knows no other reason. */
static void
forward(struct client *c, struct proto_peerjs_message *m)
{
	struct signal_peers *p = c->peers;
	struct signal_peerjs_letter *l;

	m->src = c->id;
	if ((l = signal_peerjs_post_letter(m)) == NULL)
		return;
	if (signal_peerjs_post_home(p, l) == 0)
		return;
	signal_peerjs_post_refuse(p, l, PROTO_PEERJS_EXPIRE);
	mem_free(l);
}

static void
on_message(void *owner, const struct net_web_data *d)
{
	struct client *c = owner;
	struct proto_peerjs_message m;

	c->messages_in++;
	c->bytes_in += d->len;
	stats_count(c->peers->s->config.stats, STATS_SIGNAL_MESSAGES_IN, 1);
	keep_pace(c, d->len);
	/* the reference is silent about what it does not know, and so are we */
	if (proto_peerjs_read(&m, (const char *)d->data, d->len) != 0)
		return;
	if (m.type == PROTO_PEERJS_HEARTBEAT)
		c->alive = signalling_now(c->peers->s);
	else if (m.dst.len > 0)
		forward(c, &m);
	else
		/* it gives its id up; it must not go on to speak under it */
		end(c, PROTO_CLOSE_NORMAL, "left");
}

static void
on_closed(void *owner, unsigned code)
{
	(void)code;
	forget(owner);
}

static const struct net_web_ops ops = {
	.message = on_message,
	.closed = on_closed,
};

static void
on_alive(struct wheel_timer *t, mono_ms now)
{
	struct client *c = LIST_ITEM(t, struct client, alive_timer);

	if (now - c->alive >= PEERJS_ALIVE_MS && !wheel_is_set(&c->pace_timer))
		end(c, PROTO_CLOSE_POLICY, "no heartbeat");
	else
		wheel_set(c->peers->s->config.wheel, t,
		    (wheel_is_set(&c->pace_timer) ? now : c->alive) +
			PEERJS_ALIVE_MS,
		    on_alive);
}

/* ---- what it hears */

/* False: it cannot hear it, and is no more. */
static bool
say(struct client *c, const char *text, size_t len)
{
	if (net_web_send(c->web, NET_WEB_TEXT, text, len) != 0) {
		stats_dropped(c->peers->s->config.stats, STATS_DROP_WS_SLOW);
		end(c, PROTO_CLOSE_TRY_LATER, "reads too slowly");
		return false;
	}
	c->messages_out++;
	c->bytes_out += len;
	return true;
}

void
signal_peerjs_client_deliver(
    struct signal_peers *p, struct signal_peerjs_letter *l)
{
	struct client *c = find(p, l->session);

	if (c != NULL) {
		if (say(c, l->text, l->len))
			stats_count(
			    p->s->config.stats, STATS_SIGNAL_MESSAGES_OUT, 1);
		else
			signal_peerjs_post_refuse(p, l, PROTO_PEERJS_LEAVE);
		mem_free(l);
		return;
	}
	/* it left while l was on its way: home knows who has the id now */
	if (signal_peerjs_post_home(p, l) != 0)
		mem_free(l);
}

static void
welcome(struct client *c)
{
	static const char open[] = "{\"type\":\"OPEN\"}";

	c->state = OPEN;
	net_web_hold(c->web, false);
	(void)say(c, open, sizeof(open) - 1);
}

static void
send_last(struct net_web *w, const char *type, const char *msg)
{
	char text[256];
	int n;

	n = snprintf(text, sizeof(text),
	    "{\"type\":\"%s\",\"payload\":{\"msg\":\"%s\"}}", type, msg);
	assert(n > 0 && (size_t)n < sizeof(text));
	/* without memory for it, the close frame says it */
	if (net_web_send(w, NET_WEB_TEXT, text, (size_t)n) != 0)
		return;
}

void
signal_peerjs_client_hear(
    struct signal_peers *p, struct signal_peerjs_notice *n)
{
	struct client *c = find(p, n->place.session);
	const enum signal_peerjs_word word = n->word;

	mem_free(n);
	/* it left before it was answered: its GO is behind its COME */
	if (c == NULL)
		return;
	switch (word) {
	case PEERJS_WELCOME:
		welcome(c);
		return;
	case PEERJS_TAKEN:
		stats_count(p->s->config.stats, STATS_PEERJS_REFUSED, 1);
		send_last(c->web, "ID-TAKEN", "ID is taken");
		end(c, PROTO_CLOSE_POLICY, "ID is taken");
		return;
	case PEERJS_REPLACED:
		end(c, PROTO_CLOSE_REPLACED, "replaced by a newer connection");
		return;
	default:
		stats_count(p->s->config.stats, STATS_PEERJS_REFUSED, 1);
		send_last(c->web, "ERROR", "Out of memory");
		end(c, PROTO_CLOSE_TRY_LATER, "out of memory");
		return;
	}
}

/* ---- beginning */

static struct client *
make(struct signal_peers *p, const struct proto_peerjs_id *id)
{
	struct client *c;

	if ((c = mem_try(1, sizeof(*c))) == NULL)
		return NULL;
	if ((c->go = mem_try(1, sizeof(*c->go))) == NULL) {
		mem_free(c);
		return NULL;
	}
	c->peers = p;
	c->id = *id;
	/* random, so that it is nobody else's in the process: 2^-64 */
	do
		entropy_fill(&c->session, sizeof(c->session));
	while (c->session == 0 || find(p, c->session) != NULL);
	c->go->id = *id;
	c->go->place = (struct directory_place){ .session = c->session,
		.worker = p->s->config.worker };
	return c;
}

static void
drop(struct client *c)
{
	if (c == NULL)
		return;
	mem_free(c->go);
	mem_free(c);
}

/* w, which has no owner that is told, says why. */
static void
turn_away(struct net_web *w, const char *msg, unsigned code)
{
	send_last(w, "ERROR", msg);
	net_web_close(w, code, msg);
}

static void
on_nothing(void *owner, const struct net_web_data *d)
{
	(void)owner;
	(void)d;
}

static void
on_gone(void *owner, unsigned code)
{
	(void)owner;
	(void)code;
}

void
signal_peerjs_client_refuse(
    struct signal_peers *p, struct net_web *w, const char *msg, unsigned code)
{
	static const struct net_web_ops none = {
		.message = on_nothing,
		.closed = on_gone,
	};
	const struct net_web_accept accept = {
		.ops = &none,
		.message_max = 1024,
		.out_max = 1024,
	};

	stats_count(p->s->config.stats, STATS_PEERJS_REFUSED, 1);
	if (net_web_accept(w, &accept) == 0)
		turn_away(w, msg, code);
	else
		net_web_answer(w, 503, "text/plain", NULL, msg, strlen(msg));
}

static int
take_place(struct signal_peers *p, const struct addr *from)
{
	const struct snapshot *conf = p->s->conf;
	const struct signal_counts_limits limits = {
		.all = conf->signalling.sessions,
		.per_address = conf->signalling.sessions_per_address,
		.per_prefix = conf->signalling.sessions_per_prefix,
	};

	return signal_counts_take(p->s->shared->counts, from, &limits);
}

/* w becomes c's.  From here on c is ended as any other. */
static int
accept_as(struct client *c, struct net_web *w)
{
	const struct snapshot *conf = c->peers->s->conf;
	const uint64_t longest =
	    conf->signalling.max_message + PROTO_PEERJS_FRAME_MAX;
	const struct net_web_accept accept = {
		.ops = &ops,
		.owner = c,
		.message_max = conf->signalling.max_message,
		/* all that may wait for it at home, and some more */
		.out_max = conf->signalling.waiting_bytes + 2 * longest,
	};
	const uint32_t hash = table_hash(&c->session, sizeof(c->session));

	if (table_add(c->peers->clients, hash, c) != 0)
		return ENOMEM;
	if (net_web_accept(w, &accept) != 0) {
		table_remove(c->peers->clients, hash, c);
		return ENOMEM;
	}
	c->web = w;
	list_append(&c->peers->all, &c->node);
	stats_count(c->peers->s->config.stats, STATS_PEERJS_CLIENTS, 1);
	mem_use_one(memory_of(c->peers), 1, c);
	return 0;
}

static void
ask(struct client *c, struct signal_peerjs_notice *come,
    const struct signal_peerjs_token *token)
{
	struct signalling *s = c->peers->s;

	net_web_hold(c->web, true);
	c->since = c->alive = signalling_now(s);
	wheel_set(s->config.wheel, &c->alive_timer, c->alive + PEERJS_ALIVE_MS,
	    on_alive);
	come->id = c->id;
	come->place = c->go->place;
	come->token = *token;
	signal_peerjs_post_word(c->peers, come, PEERJS_COME);
}

void
signal_peerjs_client_begin(struct signal_peers *p, struct net_web *w,
    const struct net_request *r, const struct signal_peerjs_asks *asks)
{
	struct signal_peerjs_notice *come = NULL;
	struct client *c = NULL;
	int rc;

	if ((rc = take_place(p, &r->flow->client)) != 0) {
		signal_peerjs_client_refuse(p, w,
		    rc == EDQUOT ? "Too many connections from your address"
				 : "Server has reached its concurrent user "
				   "limit",
		    PROTO_CLOSE_TRY_LATER);
		return;
	}
	if ((c = make(p, &asks->id)) == NULL ||
	    (come = mem_try(1, sizeof(*come))) == NULL)
		goto fail;
	c->from = r->flow->client;
	if (accept_as(c, w) != 0)
		goto fail;
	ask(c, come, &asks->token);
	return;

fail:
	signal_counts_put(p->s->shared->counts, &r->flow->client);
	mem_free(come);
	drop(c);
	signal_peerjs_client_refuse(
	    p, w, "Out of memory", PROTO_CLOSE_TRY_LATER);
}

/* ---- all of them */

int
signal_peerjs_client_open(struct signal_peers *p)
{
	return (p->clients = table_new(0, has_session)) == NULL ? ENOMEM : 0;
}

void
signal_peerjs_client_end_all(
    struct signal_peers *p, unsigned code, const char *why)
{
	struct list *node, *next;

	LIST_EACH_SAFE (node, next, &p->all)
		end(LIST_ITEM(node, struct client, node), code, why);
}

void
signal_peerjs_client_close(struct signal_peers *p)
{
	if (p->clients == NULL)
		return;
	signal_peerjs_client_end_all(
	    p, PROTO_CLOSE_DRAIN, "the server is going");
	table_free(p->clients);
	p->clients = NULL;
}

static struct signalling_view
view_of(const struct client *c, const char *name, mono_ms now)
{
	return (struct signalling_view){ .dialect = "peerjs",
		.name = name,
		.session = c->session,
		.client = c->from,
		.transport = net_web_flow(c->web)->transport,
		.age_ms = now - c->since,
		.messages_in = c->messages_in,
		.messages_out = c->messages_out,
		.bytes_in = c->bytes_in,
		.bytes_out = c->bytes_out };
}

void
signal_peerjs_list(
    struct signalling *s, signalling_view_fn *fn, void *arg, mono_ms now)
{
	char name[PROTO_PEERJS_ID_MAX + 1];
	struct signalling_view v;
	const struct client *c;
	struct list *node;

	LIST_EACH (node, &s->peers->all) {
		c = LIST_ITEM(node, struct client, node);
		memcpy(name, c->id.at, c->id.len);
		name[c->id.len] = '\0';
		v = view_of(c, name, now);
		fn(arg, &v);
	}
}
