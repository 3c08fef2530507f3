/*
 * nodes_bed: two workers' sessions on a net that is made up here and a clock
 * that is set by hand.  A struct net_web keeps what it was told.
 */
#ifndef TESTS_NODES_BED_H
#define TESTS_NODES_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "common/pool.h"
#include "common/table.h"
#include "relay/issuers.h"
#include "relay/mailbox.h"
#include "relay/snapshot.h"
#include "signalling/ask.h"
#include "signalling/counts.h"
#include "signalling/door.h"
#include "signalling/ice.h"
#include "signalling/session.h"
#include "signalling/stream.h"
#include "signalling/waiting.h"

enum { BED_WORKERS = 2, BED_TEXTS = 64, BED_WALL_S = 1800000000 };

struct net_web {
	const struct net_web_ops *ops;
	void *owner;
	struct net_flow flow;
	char *text[BED_TEXTS]; /* sent */
	unsigned texts;
	uint8_t ping[8];
	unsigned pings;
	unsigned closed;   /* the code we closed it with */
	unsigned answered; /* status */
	bool is_held;
	bool is_full; /* takes nothing more */
};

static struct {
	mono_ms now;
	struct snapshot conf;
	struct stats stats;
	struct signalling_shared shared;
	struct signalling worker[BED_WORKERS];
	struct mailbox *mailbox[BED_WORKERS];
	struct net_web webs[16];
	unsigned web_count;
} bed;

/* ---- what it stands on */

mono_ms
signalling_now(struct signalling *s)
{
	(void)s;
	return bed.now;
}

int64_t
signalling_wall_s(struct signalling *s)
{
	(void)s;
	return BED_WALL_S + bed.now / 1000;
}

int
net_web_accept(struct net_web *w, const struct net_web_accept *a)
{
	w->ops = a->ops;
	w->owner = a->owner;
	return 0;
}

void
net_web_answer(struct net_web *w, unsigned status, const char *type,
    const char *headers, const void *body, size_t len)
{
	(void)type;
	(void)headers;
	(void)body;
	(void)len;
	w->answered = status;
}

int
net_web_send(
    struct net_web *w, enum net_web_kind kind, const void *data, size_t len)
{
	assert_int_equal(kind, NET_WEB_TEXT);
	assert_int_equal(w->closed, 0);
	if (w->is_full)
		return EAGAIN;
	assert_true(w->texts < BED_TEXTS);
	assert_non_null(w->text[w->texts] = strndup(data, len));
	w->texts++;
	return 0;
}

void
net_web_ping(struct net_web *w, const void *data, size_t len)
{
	assert_int_equal(len, sizeof(w->ping));
	memcpy(w->ping, data, len);
	w->pings++;
}

void
net_web_hold(struct net_web *w, bool hold)
{
	w->is_held = hold;
}

void
net_web_close(struct net_web *w, unsigned code, const char *reason)
{
	(void)reason;
	assert_int_equal(w->closed, 0);
	w->closed = code;
}

const struct net_flow *
net_web_flow(const struct net_web *w)
{
	return &w->flow;
}

json_t *
signal_ice_servers(const struct signal_ice *ctx,
    const struct signal_ice_client *c, int64_t now_s)
{
	(void)ctx;
	(void)c;
	(void)now_s;
	return json_array();
}

bool
signal_stream_begin(struct signalling *s, const struct signal_party *asker,
    const struct signal_party *partner, struct signal_ticket_pair *out,
    enum proto_code *why)
{
	(void)s;
	(void)asker;
	(void)partner;
	(void)out;
	*why = PROTO_RELAY_OFF;
	return false;
}

/* A token is the name it stands for, "!" in front: bound to a key. */
enum issuers_verdict
issuers_verify(struct issuers *s, const char *token, size_t len, int64_t now_s,
    struct issuers_identity *out)
{
	(void)s;
	*out = (struct issuers_identity){ .subject.expiry = now_s + 1000,
		.subject.name_len = len };
	memcpy(out->subject.name, token, len);
	return ISSUERS_GOOD;
}

const char *
issuers_verdict_text(enum issuers_verdict v)
{
	(void)v;
	return "bad";
}

enum stats_auth
issuers_verdict_counter(enum issuers_verdict v)
{
	(void)v;
	return STATS_AUTH_EXPIRED;
}

/* ---- the bed */

static bool
bed_is_numbered(const void *item, const void *key)
{
	const struct signal_session *ss = item;

	return ss->e.place.session == *(const uint64_t *)key;
}

static void
bed_open_worker(unsigned i)
{
	struct signalling *s = &bed.worker[i];

	s->conf = &bed.conf;
	s->shared = &bed.shared;
	s->config.stats = &bed.stats;
	s->config.worker = i;
	s->config.wheel = wheel_new(bed.now);
	list_init(&s->all);
	list_init(&s->dead);
	s->pool = pool_new(sizeof(struct signal_session), 0);
	s->sessions = table_new(0, bed_is_numbered);
	bed.mailbox[i] = mailbox_new(64);
	assert_int_equal(signal_asks_init(s), 0);
	assert_int_equal(signal_waiting_init(s), 0);
	assert_int_equal(signal_mail_join(s, bed.mailbox[i]), 0);
}

static int
bed_open(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.now = 1000000;
	bed.conf.node.name = (char *)"sn1.example.test";
	bed.conf.auth.anonymous = true;
	bed.conf.signalling.enabled = true;
	bed.conf.signalling.max_message = 65536;
	bed.conf.signalling.wait_ms = 5000;
	bed.conf.signalling.waiting = 4;
	bed.conf.signalling.waiting_bytes = 65536;
	bed.conf.signalling.sessions = 100;
	bed.conf.signalling.sessions_per_name = 4;
	bed.conf.signalling.sessions_per_address = 50;
	bed.conf.signalling.sessions_per_prefix = 50;
	bed.conf.signalling.messages = 1000;
	bed.conf.signalling.bytes = 8000000;
	bed.conf.signalling.watches = 4;
	bed.conf.signalling.pending = 50;
	bed.shared.workers = BED_WORKERS;
	bed.shared.config.directory = directory_new();
	bed.shared.config.issuers = (struct issuers *)&bed;
	bed.shared.boxes = signal_boxes_new(BED_WORKERS);
	bed.shared.counts = signal_counts_new();
	for (unsigned i = 0; i < BED_WORKERS; i++)
		bed_open_worker(i);
	return 0;
}

/* Mail goes round until there is none. */
static void
bed_turn(void)
{
	for (int n = 0; n < 6; n++)
		for (unsigned i = 0; i < BED_WORKERS; i++) {
			mailbox_drain(bed.mailbox[i], NULL);
			signal_mail_turn_end(&bed.worker[i]);
		}
	for (unsigned i = 0; i < BED_WORKERS; i++)
		signal_session_bury(&bed.worker[i]);
}

static inline void
bed_pass(mono_ms ms)
{
	const mono_ms end = bed.now + ms;

	while (bed.now < end) {
		bed.now += end - bed.now < 50 ? end - bed.now : 50;
		for (unsigned i = 0; i < BED_WORKERS; i++)
			wheel_advance(bed.worker[i].config.wheel, bed.now);
		bed_turn();
	}
}

static int
bed_close(void **state)
{
	struct directory_counts left;

	(void)state;
	for (unsigned i = 0; i < BED_WORKERS; i++) {
		struct signalling *s = &bed.worker[i];

		while (!list_is_empty(&s->all))
			signal_session_end(
			    LIST_ITEM(s->all.next, struct signal_session, node),
			    PROTO_CLOSE_DRAIN, "");
	}
	bed_turn();
	directory_count(bed.shared.config.directory, &left);
	assert_int_equal(left.names[DIRECTORY_NODES], 0);
	assert_int_equal(left.watches, 0);
	for (unsigned i = 0; i < BED_WORKERS; i++) {
		struct signalling *s = &bed.worker[i];

		assert_int_equal(table_count(s->sessions), 0);
		signal_waiting_fini(s);
		signal_asks_fini(s);
		signal_mail_leave(s);
		table_free(s->sessions);
		pool_free(s->pool);
		wheel_free(s->config.wheel);
		mem_free(s->scratch);
		mailbox_free(bed.mailbox[i]);
	}
	signal_boxes_free(bed.shared.boxes);
	signal_counts_free(bed.shared.counts);
	directory_free(bed.shared.config.directory);
	for (unsigned i = 0; i < bed.web_count; i++)
		while (bed.webs[i].texts > 0)
			free(bed.webs[i].text[--bed.webs[i].texts]);
	return 0;
}

/* ---- nodes */

/* A connection to worker that has said nothing yet. */
static struct net_web *
bed_connect(unsigned worker)
{
	struct net_web *w = &bed.webs[bed.web_count++];
	const struct net_request r = { .host = "sn1.example.test" };

	assert_int_equal(addr_parse(&w->flow.client, "192.0.2.1:1"), 0);
	/* what door does; false: memory is short */
	if (signal_counts_enter(bed.shared.counts, &w->flow.client,
		bed.conf.signalling.pending))
		signal_session_open(&bed.worker[worker], w, &r);
	return w;
}

/* As long as it is open; what it brings about happens before the return. */
static void
bed_say(struct net_web *w, const char *text)
{
	struct net_web_data d = { .kind = NET_WEB_TEXT,
		.data = (uint8_t *)strdup(text),
		.len = strlen(text),
		.is_last = true };

	assert_non_null(d.data);
	if (w->closed == 0 && w->ops != NULL)
		w->ops->message(w->owner, &d);
	free(d.data);
	bed_turn();
}

static struct net_web *
bed_join(unsigned worker, const char *hello)
{
	struct net_web *w = bed_connect(worker);

	bed_say(w, hello);
	return w;
}

/* Its connection breaks. */
static inline void
bed_break(struct net_web *w)
{
	w->ops->closed(w->owner, 1006);
	bed_turn();
}

static inline void
bed_pong(struct net_web *w)
{
	w->ops->pong(w->owner, w->ping, sizeof(w->ping));
}

/* Was w sent a text with this in it?  That one, else NULL. */
static const char *
bed_got(const struct net_web *w, const char *part)
{
	for (unsigned i = 0; i < w->texts; i++)
		if (strstr(w->text[i], part) != NULL)
			return w->text[i];
	return NULL;
}

static inline unsigned
bed_count(const struct net_web *w, const char *part)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->texts; i++)
		n += strstr(w->text[i], part) != NULL;
	return n;
}

/* What w's ready says for resume. */
static void
bed_resume(const struct net_web *w, char out[64])
{
	const char *at = strstr(bed_got(w, "\"ready\""), "\"resume\":\"");

	assert_non_null(at);
	at += strlen("\"resume\":\"");
	snprintf(out, 64, "%.*s", (int)strcspn(at, "\""), at);
}

/* A hello of name that resumes what w had. */
static inline const char *
bed_hello_again(const struct net_web *w, const char *name, char out[256])
{
	char resume[64];

	bed_resume(w, resume);
	snprintf(out, 256,
	    "{\"type\":\"hello\",\"name\":\"%s\",\"resume\":\"%s\",\"last\":0}",
	    name, resume);
	return out;
}

#endif
