#include "signalling/session.h"

#include <errno.h>
#include <string.h>

#include "common/base64url.h"
#include "common/build.h"
#include "common/entropy.h"
#include "common/mem.h"
#include "common/pool.h"
#include "common/table.h"
#include "relay/snapshot.h"
#include "signalling/counts.h"
#include "signalling/resume.h"
#include "signalling/router.h"

enum { SMALL_MAX = 1024, PING_LEN = 8 };

/* ---- by number */

struct signal_session *
signal_session_find(const struct signalling *s, uint64_t number)
{
	return table_find(
	    s->sessions, table_hash(&number, sizeof(number)), &number);
}

int
signal_session_enrol(struct signal_session *ss)
{
	const uint64_t *number = &ss->e.place.session;

	return table_add(
	    ss->s->sessions, table_hash(number, sizeof(*number)), ss);
}

void
signal_session_strike_off(struct signal_session *ss)
{
	const uint64_t *number = &ss->e.place.session;

	table_remove(ss->s->sessions, table_hash(number, sizeof(*number)), ss);
}

struct directory_name
signal_session_name(const struct signal_session *ss)
{
	return (struct directory_name){ .space = DIRECTORY_NODES,
		.at = ss->e.name,
		.len = strlen(ss->e.name) };
}

/* ---- talk */

bool
signal_session_say(struct signal_session *ss, const char *text, size_t len)
{
	if (ss->web == NULL || len == 0)
		return false;
	if (net_web_send(ss->web, NET_WEB_TEXT, text, len) == 0)
		return true;
	signal_session_cut(
	    ss, PROTO_CLOSE_TRY_LATER, "does not read what it is sent");
	return false;
}

static void
say_error(struct signal_session *ss, int64_t id, enum proto_code code,
    const char *why, unsigned retry_ms)
{
	char text[SMALL_MAX];

	stats_count(ss->s->config.stats, STATS_SIGNAL_ERRORS, 1);
	signal_session_say(ss, text,
	    proto_write_error(text, sizeof(text), id, code, why, retry_ms));
}

void
signal_session_error(struct signal_session *ss, int64_t id,
    enum proto_code code, const char *why)
{
	say_error(ss, id, code, why, 0);
}

void
signal_session_error_retry(struct signal_session *ss, int64_t id,
    enum proto_code code, unsigned retry_ms)
{
	say_error(ss, id, code, "over a limit, see ready.limits", retry_ms);
}

void
signal_session_strike(struct signal_session *ss, enum proto_close code)
{
	if (!signal_limits_strike(&ss->limits, signalling_now(ss->s)))
		return;
	signal_session_end(ss, code,
	    code == PROTO_CLOSE_RATE ? "over its rate again and again"
				     : "does not keep to the protocol");
}

/* Big endian: the number of the last message before it. */
void
signal_session_ping(struct signal_session *ss)
{
	const uint64_t seq = signal_window_last(&ss->e.window);
	uint8_t data[PING_LEN];

	for (int i = 0; i < PING_LEN; i++)
		data[i] = (uint8_t)(seq >> 8 * (PING_LEN - 1 - i));
	ss->proving = seq;
	ss->unproved = 0;
	net_web_ping(ss->web, data, sizeof(data));
}

/* ---- what net tells */

static void
take_message(struct signal_session *ss, const struct net_web_data *d)
{
	struct proto_message m;
	struct proto_error e = { .id = -1,
		.why = "binary messages are for streams" };
	int rc = EBADMSG;

	if (d->kind == NET_WEB_TEXT)
		rc = proto_read(&m, (const char *)d->data, d->len, &e);
	if (rc == 0) {
		signal_router_take(ss, &m);
		proto_close_message(&m);
		return;
	}
	if (rc == ENOMEM) {
		signal_session_error(ss, -1, PROTO_INTERNAL, "out of memory");
		return;
	}
	signal_session_error(ss, e.id, PROTO_BAD_MESSAGE, e.why);
	signal_session_strike(ss, PROTO_CLOSE_PROTOCOL);
}

static struct signal_rate
rate_of(const struct signal_session *ss)
{
	const struct snapshot *conf = ss->s->conf;
	const uint64_t bytes = conf->signalling.bytes / 8;
	const unsigned part = ss->e.is_guest ? SIGNAL_GUEST_PART : 1;
	const unsigned messages = conf->signalling.messages / part;

	return (struct signal_rate){
		.messages = messages > 0 ? messages : 1,
		.bytes =
		    bytes < UINT32_MAX ? (uint32_t)(bytes / part) : UINT32_MAX,
	};
}

void
signal_session_inherit(
    struct signal_session *ss, const struct signal_limits *from)
{
	const struct signal_rate rate = rate_of(ss);

	signal_limits_inherit(&ss->limits, from, &rate, signalling_now(ss->s));
}

/* What is refused for its rate is read for its id only: that is bounded, since
 * nothing is read for a while then. */
static int64_t
id_of(const struct net_web_data *d)
{
	struct proto_error e = { .id = -1 };
	struct proto_message m;
	int64_t id;

	if (d->kind != NET_WEB_TEXT ||
	    proto_read(&m, (const char *)d->data, d->len, &e) != 0)
		return e.id;
	id = m.has_id ? m.id : -1;
	proto_close_message(&m);
	return id;
}

/* Is d within the limits?  If not, nothing is read until it would be. */
static bool
is_admitted(struct signal_session *ss, const struct net_web_data *d)
{
	const struct signal_rate rate = rate_of(ss);
	const mono_ms now = signalling_now(ss->s);
	const unsigned ms = signal_limits_take(&ss->limits, &rate, d->len, now);

	if (ms == 0)
		return true;
	stats_count(ss->s->config.stats, STATS_SIGNAL_LIMITED, 1);
	signal_session_error_retry(ss, id_of(d), PROTO_RATE_LIMITED, ms);
	if (ss->web == NULL)
		return false;
	ss->is_held = true;
	ss->hold_until = now + ms;
	net_web_hold(ss->web, true);
	signal_session_arm(ss);
	signal_session_strike(ss, PROTO_CLOSE_RATE);
	return false;
}

static void
on_message(void *owner, const struct net_web_data *d)
{
	struct signal_session *ss = owner;

	OWNER_CHECK(ss->s);
	if (ss->web == NULL)
		return;
	ss->missed = 0;
	ss->e.messages_in++;
	ss->e.bytes_in += d->len;
	stats_count(ss->s->config.stats, STATS_SIGNAL_MESSAGES_IN, 1);
	if (is_admitted(ss, d))
		take_message(ss, d);
}

static void
on_pong(void *owner, const uint8_t *data, size_t len)
{
	struct signal_session *ss = owner;
	uint64_t seq = 0;

	ss->missed = 0;
	if (len != PING_LEN)
		return;
	for (size_t i = 0; i < len; i++)
		seq = seq << 8 | data[i];
	if (seq <= ss->proving)
		signal_window_ack(&ss->e.window, seq);
}

/* Who sends at all is cut when its buffer is full: nobody waits for room. */
static void
on_drained(void *owner)
{
	(void)owner;
}

/* The connection broke, or was closed by who means to come back? */
static bool
may_come_back(unsigned code)
{
	return code != PROTO_CLOSE_NORMAL && code != PROTO_CLOSE_DRAIN &&
	    code != 1005;
}

static void
on_closed(void *owner, unsigned code)
{
	struct signal_session *ss = owner;

	OWNER_CHECK(ss->s);
	ss->web = NULL;
	if (may_come_back(code) &&
	    (ss->state == SIGNAL_OPEN || ss->state == SIGNAL_CLAIMING))
		signal_session_detach(ss);
	else
		signal_session_end(ss, PROTO_CLOSE_NORMAL, "");
}

static const struct net_web_ops ops = {
	.message = on_message,
	.pong = on_pong,
	.drained = on_drained,
	.closed = on_closed,
};

/* ---- time */

/* Reading goes on once what was over its rate would pass.  That may bring a
 * message, and its consequences. */
static void
end_hold(struct signal_session *ss, mono_ms now)
{
	if (!ss->is_held || now < ss->hold_until)
		return;
	ss->is_held = false;
	net_web_hold(ss->web, false);
}

static void
on_new_timer(struct signal_session *ss, mono_ms now)
{
	end_hold(ss, now);
	if (ss->state != SIGNAL_NEW)
		return;
	if (now < ss->begun + SIGNAL_HELLO_MS)
		signal_session_arm(ss);
	else
		signal_session_end(
		    ss, PROTO_CLOSE_HELLO_TIMEOUT, "no hello within 10 s");
}

static void
on_open_timer(struct signal_session *ss, mono_ms now)
{
	if (ss->e.expires_s != 0 &&
	    signalling_wall_s(ss->s) >= ss->e.expires_s) {
		signal_session_error(
		    ss, -1, PROTO_TOKEN_EXPIRED, "the token has expired");
		signal_session_end(
		    ss, PROTO_CLOSE_EXPIRED, "the token has expired");
		return;
	}
	end_hold(ss, now);
	if (ss->state != SIGNAL_OPEN)
		return;
	if (now >= ss->ping_due) {
		if (ss->missed++ >= SIGNAL_MISSED_MAX) {
			signal_session_cut(
			    ss, PROTO_CLOSE_TRY_LATER, "does not answer pings");
			return;
		}
		ss->ping_due = now + SIGNAL_PING_MS;
		signal_session_ping(ss);
	}
	signal_session_arm(ss);
}

static void
on_timer(struct wheel_timer *t, mono_ms now)
{
	struct signal_session *ss = LIST_ITEM(t, struct signal_session, timer);

	switch (ss->state) {
	case SIGNAL_NEW:
		on_new_timer(ss, now);
		break;
	case SIGNAL_OPEN:
		on_open_timer(ss, now);
		break;
	case SIGNAL_DETACHED:
		signal_session_end(ss, PROTO_CLOSE_NORMAL, "");
		break;
	case SIGNAL_CLAIMING:
		signal_session_end(ss, PROTO_CLOSE_TRY_LATER,
		    "the session to resume does not answer");
		break;
	case SIGNAL_GONE:
		break;
	}
}

static mono_ms
earlier(mono_ms a, mono_ms b)
{
	return a < b ? a : b;
}

/* When its token ends, as the monotonic clock will have it. */
static mono_ms
expiry_of(const struct signal_session *ss)
{
	const int64_t left =
	    ss->e.expires_s - signalling_wall_s(ss->s); /* seconds */

	if (ss->e.expires_s == 0)
		return INT64_MAX;
	return signalling_now(ss->s) + (left > 0 ? left * 1000 : 0);
}

void
signal_session_arm(struct signal_session *ss)
{
	struct wheel *wheel = ss->s->config.wheel;
	mono_ms due = 0;

	switch (ss->state) {
	case SIGNAL_NEW:
	case SIGNAL_CLAIMING:
		due = ss->begun + SIGNAL_HELLO_MS;
		if (ss->state == SIGNAL_NEW && ss->is_held)
			due = earlier(due, ss->hold_until);
		break;
	case SIGNAL_OPEN:
		due = earlier(ss->ping_due, expiry_of(ss));
		if (ss->is_held)
			due = earlier(due, ss->hold_until);
		break;
	case SIGNAL_DETACHED:
		due = earlier(ss->begun + SIGNAL_RESUME_MS, expiry_of(ss));
		break;
	case SIGNAL_GONE:
		wheel_stop(wheel, &ss->timer);
		return;
	}
	wheel_set(wheel, &ss->timer, due, on_timer);
}

/* ---- life */

static void
enter(struct signal_session *ss, enum signal_state state)
{
	struct stats *stats = ss->s->config.stats;

	if (ss->state == SIGNAL_OPEN)
		stats_count(stats, STATS_SIGNAL_SESSIONS, -1);
	if (ss->state == SIGNAL_DETACHED)
		stats_count(stats, STATS_SIGNAL_DETACHED, -1);
	if (state == SIGNAL_OPEN)
		stats_count(stats, STATS_SIGNAL_SESSIONS, 1);
	if (state == SIGNAL_DETACHED)
		stats_count(stats, STATS_SIGNAL_DETACHED, 1);
	ss->state = state;
	ss->begun = signalling_now(ss->s);
	signal_session_arm(ss);
}

void
signal_session_claiming(struct signal_session *ss)
{
	enter(ss, SIGNAL_CLAIMING);
}

void
signal_session_again(struct signal_session *ss)
{
	if (ss->web == NULL) {
		signal_session_end(ss, PROTO_CLOSE_NORMAL, "");
		return;
	}
	net_web_hold(ss->web, false);
	enter(ss, SIGNAL_NEW);
}

/* Its hello was heard, or will not be. */
static void
end_greeting(struct signal_session *ss)
{
	if (ss->greeting == NULL)
		return;
	signal_counts_leave(ss->s->shared->counts, &ss->greeting->from);
	mem_free(ss->greeting);
	ss->greeting = NULL;
}

void
signal_session_ready(struct signal_session *ss)
{
	end_greeting(ss);
	ss->ping_due = signalling_now(ss->s) + SIGNAL_PING_MS;
	ss->proving = signal_window_last(&ss->e.window);
	enter(ss, SIGNAL_OPEN);
}

static struct signal_greeting *
greet(const struct net_request *r)
{
	const size_t len = strlen(r->host) + 1;
	struct signal_greeting *g = mem_try(1, sizeof(*g) + len);

	if (g == NULL)
		return NULL;
	g->host = (char *)(g + 1);
	memcpy(g->host, r->host, len);
	entropy_fill(g->challenge, sizeof(g->challenge));
	return g;
}

static void
say_welcome(struct signal_session *ss)
{
	const struct snapshot *conf = ss->s->conf;
	const char *features[] = { "turn", "stream",
		conf->signalling.peerjs ? "peerjs" : NULL, NULL };
	char challenge[BASE64URL_LEN(SIGNAL_CHALLENGE_LEN) + 1];
	const struct proto_welcome welcome = {
		.node = conf->node.name,
		.version = build_version,
		.features = features,
		.challenge = challenge,
		.with_token = conf->auth.issuer_count > 0,
		.with_anonymous = conf->auth.anonymous,
	};
	char text[SMALL_MAX];

	base64url_write(
	    challenge, ss->greeting->challenge, SIGNAL_CHALLENGE_LEN);
	signal_session_say(
	    ss, text, proto_write_welcome(text, sizeof(text), &welcome));
}

/* The connection's side: r becomes a WebSocket of ss. */
static bool
accept_web(
    struct signal_session *ss, struct net_web *w, const struct net_request *r)
{
	const size_t max = ss->s->conf->signalling.max_message;
	const struct net_web_accept a = { .subprotocol = "supernode.v1",
		.ops = &ops,
		.owner = ss,
		.message_max = max,
		.out_max =
		    SIGNAL_OUT_MAX > 2 * max ? SIGNAL_OUT_MAX : 2 * max };

	if ((ss->greeting = greet(r)) == NULL || net_web_accept(w, &a) != 0)
		return false;
	ss->greeting->from = net_web_flow(w)->client;
	ss->web = w;
	return true;
}

void
signal_session_open(
    struct signalling *s, struct net_web *w, const struct net_request *r)
{
	struct signal_session *ss = pool_get(s->pool);

	if (ss != NULL) {
		ss->s = s;
		if (accept_web(ss, w, r)) {
			list_append(&s->all, &ss->node);
			enter(ss, SIGNAL_NEW);
			say_welcome(ss);
			return;
		}
		mem_free(ss->greeting);
		pool_put(s->pool, ss);
	}
	signal_counts_leave(s->shared->counts, &net_web_flow(w)->client);
	net_web_answer(
	    w, 503, "text/plain", "Retry-After: 5\r\n", "out of memory\n", 14);
}

static void
close_web(struct signal_session *ss, enum proto_close code, const char *why)
{
	struct net_web *w = ss->web;

	ss->web = NULL;
	if (w != NULL)
		net_web_close(w, code, why);
}

void
signal_session_detach(struct signal_session *ss)
{
	end_greeting(ss);
	ss->is_held = false;
	ss->missed = 0;
	if (ss->state == SIGNAL_OPEN)
		enter(ss, SIGNAL_DETACHED);
}

void
signal_session_cut(
    struct signal_session *ss, enum proto_close code, const char *why)
{
	close_web(ss, code, why);
	if (ss->state == SIGNAL_OPEN || ss->state == SIGNAL_CLAIMING)
		signal_session_detach(ss);
	else
		signal_session_end(ss, code, why);
}

void
signal_session_forget(struct signal_session *ss)
{
	if (ss->state == SIGNAL_GONE)
		return;
	end_greeting(ss);
	enter(ss, SIGNAL_GONE);
	list_remove(&ss->node);
	list_append(&ss->s->dead, &ss->node);
}

void
signal_session_end(
    struct signal_session *ss, enum proto_close code, const char *why)
{
	if (ss->state == SIGNAL_GONE)
		return;
	close_web(ss, code, why);
	signal_resume_abandon(ss);
	if (ss->e.place.session != 0)
		signal_session_strike_off(ss);
	signal_session_forget(ss);
	signal_estate_fini(ss->s, &ss->e);
}

void
signal_session_bury(struct signalling *s)
{
	struct list *n, *next;

	LIST_EACH_SAFE (n, next, &s->dead) {
		list_remove(n);
		pool_put(s->pool, LIST_ITEM(n, struct signal_session, node));
	}
}
