/*
 * A bed for the PeerServer dialect: two workers without a network.  A fake
 * struct net_web keeps what it is told; mail waits until bed_turn.
 */
#ifndef TESTS_UNIT_SIGNALLING_PEERJS_BED_H
#define TESTS_UNIT_SIGNALLING_PEERJS_BED_H

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
#include "common/table.h"
#include "relay/snapshot.h"
#include "signalling/counts.h"
#include "signalling/door.h"
#include "signalling/ice.h"
#include "signalling/limits.h"
#include "signalling/peerjs_own.h"
#include "tests/unit/signalling/post_bed.h"

enum { BED_WORKERS = 2, BED_WEBS = 64, BED_TEXT = 4096 };

struct net_web {
	struct net_flow flow;
	const struct net_web_ops *ops; /* NULL: nobody is told any more */
	void *owner;
	struct net_web_accept accepted;
	bool is_held;
	bool is_stuck;       /* its reader reads nothing */
	bool fails;          /* it cannot become a WebSocket */
	char said[BED_TEXT]; /* each message in a line */
	unsigned code;       /* of the close frame we sent */
	unsigned status;     /* of the answer */
	char headers[1024];
	char body[BED_TEXT];
	size_t body_len;
};

struct bed {
	mono_ms now;
	struct snapshot conf;
	struct signalling_shared shared;
	struct signalling s[BED_WORKERS];
	struct stats stats[BED_WORKERS];
	struct post_bed post[BED_WORKERS];
	bool is_full; /* mail takes nothing */
	struct net_web webs[BED_WEBS];
	unsigned web_count;
};

static struct bed bed;

/* ---- what the dialect stands on */

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
	return 1700000000;
}

int
signal_mail_send(struct signalling *s, unsigned worker, struct signal_mail *m)
{
	(void)s;
	assert_in_range(worker, 0, BED_WORKERS - 1);
	if (bed.is_full)
		return EAGAIN;
	post_put(&bed.post[worker], m);
	return 0;
}

/* A door that knows one origin, and all who send none. */
bool
signal_door_origin(const struct snapshot *conf, const struct net_request *r)
{
	assert_ptr_equal(conf, &bed.conf);
	return r->origin[0] == '\0' ||
	    strcmp(r->origin, "https://a.example") == 0;
}

json_t *
signal_ice_servers(const struct signal_ice *ctx,
    const struct signal_ice_client *c, int64_t now_s)
{
	assert_ptr_equal(ctx->conf, &bed.conf);
	assert_string_equal(c->host, "sn.example.test");
	assert_int_equal(now_s, 1700000000);
	return json_pack("[{s:s%}]", "username", c->name, c->name_len);
}

int
net_web_query(const char *query, const char *name, char *out, size_t size)
{
	const size_t len = strlen(name);

	while (*query != '\0') {
		const size_t item = strcspn(query, "&");

		if (item > len && strncmp(query, name, len) == 0 &&
		    query[len] == '=') {
			if (item - len > size)
				return -1;
			memcpy(out, query + len + 1, item - len - 1);
			out[item - len - 1] = '\0';
			return (int)(item - len - 1);
		}
		query += item + (query[item] == '&');
	}
	return -1;
}

void
net_web_answer(struct net_web *w, unsigned status, const char *type,
    const char *headers, const void *body, size_t len)
{
	assert_int_equal(w->status, 0);
	w->status = status;
	snprintf(w->headers, sizeof(w->headers), "%sContent-Type: %s\r\n",
	    headers != NULL ? headers : "", type != NULL ? type : "none");
	w->body_len = len;
	/* the beginning is enough */
	if (len >= sizeof(w->body))
		len = sizeof(w->body) - 1;
	if (len > 0)
		memcpy(w->body, body, len);
}

int
net_web_accept(struct net_web *w, const struct net_web_accept *a)
{
	if (w->fails)
		return ENOMEM;
	w->accepted = *a;
	w->ops = a->ops;
	w->owner = a->owner;
	return 0;
}

int
net_web_send(
    struct net_web *w, enum net_web_kind kind, const void *data, size_t len)
{
	const size_t old = strlen(w->said);

	assert_int_equal(kind, NET_WEB_TEXT);
	assert_int_equal(w->code, 0);
	if (w->is_stuck)
		return EAGAIN;
	assert_true(old + len + 2 < sizeof(w->said));
	memcpy(w->said + old, data, len);
	w->said[old + len] = '\n';
	return 0;
}

void
net_web_hold(struct net_web *w, bool hold)
{
	w->is_held = hold;
}

void
net_web_close(struct net_web *w, unsigned code, const char *reason)
{
	assert_true(strlen(reason) <= NET_WEB_REASON_MAX);
	w->code = code;
	w->ops = NULL;
}

const struct net_flow *
net_web_flow(const struct net_web *w)
{
	return &w->flow;
}

/* ---- the bed itself */

static int
bed_open(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	bed.now = 1000;
	bed.conf.signalling.enabled = true;
	bed.conf.signalling.peerjs = true;
	bed.conf.signalling.max_message = 2048;
	bed.conf.signalling.wait_ms = 5000;
	bed.conf.signalling.waiting = 8;
	bed.conf.signalling.waiting_bytes = 4096;
	bed.conf.signalling.sessions = 50;
	bed.conf.signalling.sessions_per_address = 40;
	bed.conf.signalling.sessions_per_prefix = 45;
	bed.conf.signalling.messages = 10;
	bed.conf.signalling.bytes = 8 * 100000;
	bed.shared.workers = BED_WORKERS;
	bed.shared.config.directory = directory_new();
	bed.shared.counts = signal_counts_new();
	for (unsigned i = 0; i < BED_WORKERS; i++) {
		bed.s[i].config.worker = i;
		bed.s[i].config.stats = &bed.stats[i];
		bed.s[i].config.wheel = wheel_new(bed.now);
		bed.s[i].conf = &bed.conf;
		bed.s[i].shared = &bed.shared;
		bed.s[i].peers = signal_peerjs_new(&bed.s[i]);
		assert_non_null(bed.s[i].peers);
	}
	return 0;
}

/* All mail arrives, and what it brings about. */
static inline void
bed_turn(void)
{
	bool any = true;

	while (any) {
		any = false;
		for (unsigned i = 0; i < BED_WORKERS; i++)
			any |= post_open(&bed.post[i], &bed.s[i]);
	}
}

static int
bed_close(void **state)
{
	struct directory_counts n;

	(void)state;
	for (unsigned i = 0; i < BED_WORKERS; i++)
		signal_peerjs_free(bed.s[i].peers);
	for (unsigned i = 0; i < BED_WORKERS; i++) {
		wheel_free(bed.s[i].config.wheel);
		post_drop(&bed.post[i]);
	}
	for (unsigned i = 1; i < BED_WORKERS; i++)
		stats_sum(&bed.stats[0], &bed.stats[i]);
	/* what is now is nothing */
	assert_int_equal(bed.stats[0].counter[STATS_PEERJS_CLIENTS], 0);
	assert_int_equal(bed.stats[0].counter[STATS_SIGNAL_WAITING], 0);
	assert_int_equal(bed.stats[0].memory.use[MEMORY_PEERJS].bytes, 0);
	directory_count(bed.shared.config.directory, &n);
	assert_int_equal(n.sessions[DIRECTORY_PEERJS], 0);
	directory_free(bed.shared.config.directory);
	signal_counts_free(bed.shared.counts);
	return 0;
}

static inline void
bed_pass(mono_ms ms)
{
	bed.now += ms;
	for (unsigned i = 0; i < BED_WORKERS; i++)
		wheel_advance(bed.s[i].config.wheel, bed.now);
	bed_turn();
}

/* ---- requests and clients */

static inline struct net_web *
bed_web(void)
{
	struct net_web *w = &bed.webs[bed.web_count++];

	assert_true(bed.web_count <= BED_WEBS);
	assert_int_equal(addr_parse(&w->flow.client, "192.0.2.7:5000"), 0);
	return w;
}

/* method path?query, from a page of origin. */
static inline bool
bed_request(
    struct net_web *w, const char *method, const char *path, const char *origin)
{
	const char *query = strchr(path, '?');
	char plain[512];
	const struct net_request r = { .flow = &w->flow,
		.method = method,
		.path = plain,
		.query = query != NULL ? query + 1 : "",
		.host = "sn.example.test",
		.origin = origin,
		.is_upgrade = query != NULL };

	snprintf(plain, sizeof(plain), "%.*s",
	    query != NULL ? (int)(query - path) : (int)strlen(path), path);
	return signal_peerjs_request(&bed.s[0], w, &r);
}

/* A client at worker that asks for id by token; nothing has arrived yet. */
static inline struct net_web *
bed_knock(unsigned worker, const char *id, const char *token)
{
	struct net_web *w = bed_web();
	char query[512];
	const struct net_request r = { .flow = &w->flow,
		.method = "GET",
		.path = "/peerjs",
		.query = query,
		.host = "sn.example.test",
		.origin = "",
		.is_upgrade = true };

	snprintf(query, sizeof(query), "key=peerjs&id=%s&token=%s", id, token);
	assert_true(signal_peerjs_request(&bed.s[worker], w, &r));
	return w;
}

static inline struct net_web *
bed_come(unsigned worker, const char *id, const char *token)
{
	struct net_web *w = bed_knock(worker, id, token);

	bed_turn();
	return w;
}

/* The client of w says text. */
static inline void
bed_tell(struct net_web *w, const char *text)
{
	uint8_t copy[BED_TEXT];
	const struct net_web_data d = { .kind = NET_WEB_TEXT,
		.data = copy,
		.len = strlen(text),
		.is_last = true };

	assert_non_null(w->ops);
	memcpy(copy, text, d.len);
	w->ops->message(w->owner, &d);
}

static inline void
bed_say(struct net_web *w, const char *text)
{
	bed_tell(w, text);
	bed_turn();
}

/* Its connection is gone. */
static inline void
bed_break(struct net_web *w)
{
	const struct net_web_ops *ops = w->ops;

	assert_non_null(ops);
	w->ops = NULL;
	ops->closed(w->owner, 1006);
}

/* What w heard since it was asked last. */
static inline const char *
bed_heard(struct net_web *w)
{
	static char text[BED_TEXT];

	memcpy(text, w->said, sizeof(text));
	memset(w->said, 0, sizeof(w->said));
	return text;
}

/* All workers together. */
static inline uint64_t
bed_count(enum stats_counter c)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < BED_WORKERS; i++)
		n += bed.stats[i].counter[c];
	return n;
}

/* The home of id. */
static inline unsigned
bed_home(const char *id)
{
	return table_hash(id, strlen(id)) % BED_WORKERS;
}

#define OPENED "{\"type\":\"OPEN\"}\n"
#define FROM(type, src, dst) \
	"{\"type\":\"" type "\",\"src\":\"" src "\",\"dst\":\"" dst "\"}\n"
#define OFFER(src, dst, n)                                       \
	"{\"type\":\"OFFER\",\"src\":\"" src "\",\"dst\":\"" dst \
	"\",\"payload\":" n "}\n"
#define TO(type, dst, n) \
	"{\"type\":\"" type "\",\"dst\":\"" dst "\",\"payload\":" n "}"

#endif
