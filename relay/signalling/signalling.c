#include "signalling/signalling.h"

#include <errno.h>
#include <string.h>

#include "budget/budget.h"
#include "common/entropy.h"
#include "common/mem.h"
#include "common/pool.h"
#include "common/table.h"
#include "relay/snapshot.h"
#include "signalling/ask.h"
#include "signalling/peerjs.h"
#include "signalling/resume.h"
#include "signalling/session.h"
#include "signalling/stream.h"
#include "signalling/waiting.h"

enum {
	DRAIN_EACH = 256, /* sessions told to go at once */
	DRAIN_EVERY_MS = 50,
	/* when those who were told come back: not all at once */
	DRAIN_RETRY_MIN_MS = 1000,
	DRAIN_RETRY_SPREAD_MS = 9000,
};

mono_ms
signalling_now(struct signalling *s)
{
	return net_now(s->config.net);
}

int64_t
signalling_wall_s(struct signalling *s)
{
	(void)s;
	return mono_wall_s();
}

/* ---- start and end */

static bool
is_numbered(const void *item, const void *key)
{
	const struct signal_session *ss = item;

	return ss->e.place.session == *(const uint64_t *)key;
}

static int
open_parts(struct signalling *s)
{
	struct stats *stats = s->config.stats;
	int rc;

	if ((s->pool = pool_new(sizeof(struct signal_session), 0)) == NULL ||
	    (s->sessions = table_new(0, is_numbered)) == NULL)
		return ENOMEM;
	pool_watch(s->pool, stats_memory(stats, MEMORY_SIGNALLING));
	table_watch(s->sessions, stats_memory(stats, MEMORY_TABLES));
	if ((s->peers = signal_peerjs_new(s)) == NULL ||
	    (s->streams = signal_streams_new(s)) == NULL)
		return ENOMEM;
	if ((rc = signal_asks_init(s)) != 0 ||
	    (rc = signal_waiting_init(s)) != 0)
		return rc;
	return signal_mail_join(s, s->config.mailbox);
}

struct signalling *
signalling_new(const struct signalling_config *config)
{
	struct signalling *s = mem_try_aligned(sizeof(*s));

	if (s == NULL)
		return NULL;
	owner_bind(&s->owner);
	s->config = *config;
	s->conf = config->conf;
	s->shared = config->shared;
	list_init(&s->all);
	list_init(&s->dead);
	if (open_parts(s) == 0)
		return s;
	signalling_free(s);
	return NULL;
}

static void
end_all(struct signalling *s)
{
	while (!list_is_empty(&s->all))
		signal_session_end(
		    LIST_ITEM(s->all.next, struct signal_session, node),
		    PROTO_CLOSE_DRAIN, "shut down");
	signal_session_bury(s);
}

void
signalling_free(struct signalling *s)
{
	if (s == NULL)
		return;
	signal_peerjs_free(s->peers);
	signal_streams_free(s->streams);
	if (s->post != NULL)
		end_all(s);
	wheel_stop(s->config.wheel, &s->drain);
	signal_waiting_fini(s);
	signal_asks_fini(s);
	signal_mail_leave(s);
	table_free(s->sessions);
	pool_free(s->pool);
	mem_free(s->scratch);
	mem_free(s);
}

void
signalling_turn_end(struct signalling *s)
{
	signal_mail_turn_end(s);
	signal_session_bury(s);
}

/* ---- the way down */

static void
tell_drain(struct signal_session *ss, const char *why)
{
	char text[512];

	signal_session_say(ss, text,
	    proto_write_error(text, sizeof(text), -1, PROTO_DRAINING, why,
		DRAIN_RETRY_MIN_MS + entropy_below(DRAIN_RETRY_SPREAD_MS)));
	signal_session_end(ss, PROTO_CLOSE_DRAIN, why);
}

static void
on_drain(struct wheel_timer *t, mono_ms now)
{
	struct signalling *s = LIST_ITEM(t, struct signalling, drain);

	for (int i = 0; i < DRAIN_EACH && !list_is_empty(&s->all); i++)
		tell_drain(LIST_ITEM(s->all.next, struct signal_session, node),
		    s->drain_why);
	if (!list_is_empty(&s->all))
		wheel_set(s->config.wheel, t, now + DRAIN_EVERY_MS, on_drain);
}

static void
send_away(struct signalling *s, const char *why)
{
	s->drain_why = why;
	on_drain(&s->drain, signalling_now(s));
}

void
signalling_apply(struct signalling *s, const struct snapshot *conf,
    const struct policy *policy)
{
	OWNER_CHECK(s);
	s->conf = conf;
	s->config.policy = policy;
	signal_stream_apply(s);
	signal_peerjs_apply(s);
	if (!conf->signalling.enabled)
		send_away(s, "signalling is switched off");
	else if (!s->is_draining)
		wheel_stop(s->config.wheel, &s->drain);
}

void
signalling_drain(struct signalling *s, const char *why)
{
	OWNER_CHECK(s);
	s->is_draining = why != NULL;
	if (why == NULL) {
		wheel_stop(s->config.wheel, &s->drain);
		return;
	}
	signal_peerjs_drain(s, why);
	send_away(s, why);
}

/* ---- streams, under the caps */

bool
signalling_room(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t *room)
{
	return signal_stream_room(s, flow, dir, room);
}

void
signalling_charge(struct signalling *s, const struct net_flow *flow,
    enum stats_dir dir, size_t wire)
{
	signal_stream_charge(s, flow, dir, wire);
}

void
signalling_end_streams(struct signalling *s, const char *why)
{
	OWNER_CHECK(s);
	signal_stream_end_all(s, PROTO_CLOSE_POLICY, why);
}
