#include "relay/drain.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/mono.h"
#include "relay/audit.h"
#include "relay/consent.h"
#include "relay/server.h"
#include "relay/worker.h"
#include "signalling/signalling.h"

struct drain {
	/* OWNER: main */
	struct server *server;
	struct event *look;
	mono_ms ends;
	mono_ms told; /* the service manager, last */
	long uid;
};

enum { TELL_EVERY_MS = 1000 };

static uint64_t
count(const struct server *s)
{
	struct stats sum = { 0 };

	server_sum(s, &sum);
	/* ends of streams are allocations, too */
	return sum.counter[STATS_ALLOCATIONS] + sum.counter[STATS_STREAM_ENDS];
}

static int64_t
left_ms(const struct drain *d)
{
	const int64_t left = d->ends - mono_now();

	return left > 0 ? left : 0;
}

/* A stop that the service manager waits for must not end before ours. */
static void
tell(struct drain *d, uint64_t allocations)
{
	const mono_ms now = mono_now();

	if (d->told != 0 && now - d->told < TELL_EVERY_MS)
		return;
	d->told = now;
	daemon_notify("STATUS=Draining: %" PRIu64
		      " allocations left, %lld s at most\n"
		      "EXTEND_TIMEOUT_USEC=%d",
	    allocations, (long long)(left_ms(d) + 999) / 1000, DRAIN_EXTEND_US);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct drain *d = arg;
	const uint64_t n = count(d->server);

	(void)fd;
	(void)what;
	tell(d, n);
	if (n > 0 && left_ms(d) > 0)
		return;
	event_del(d->look);
	if (n == 0)
		log_info("drain: done, no allocation is left");
	else
		log_warn("drain: deadline reached, the rest is closed "
			 "allocations=%" PRIu64,
		    n);
	server_end(d->server, "drained");
}

/* ---- signalling: nodes go elsewhere at once, they lose nothing by it */

static void
on_leave(void *context, void *arg)
{
	(void)arg;
	if (worker_signalling(context) != NULL)
		signalling_drain(worker_signalling(context), "on its way down");
}

static void
on_stay(void *context, void *arg)
{
	(void)arg;
	if (worker_signalling(context) != NULL)
		signalling_drain(worker_signalling(context), NULL);
}

/* ---- consent */

static void
say(struct server *s, const struct drain *d)
{
	struct consent_say said = { .relay = d == NULL };
	char at[32] = "";
	struct tm tm;
	time_t ends;

	if (d != NULL) {
		ends = (time_t)(mono_wall_s() + left_ms(d) / 1000);
		if (localtime_r(&ends, &tm) != NULL)
			strftime(at, sizeof(at), "%F %T", &tm);
		snprintf(said.reason, sizeof(said.reason),
		    "on its way down, until %s at most", at);
	}
	consent_set(s->consent, CONSENT_DRAIN, &said);
}

static void
record(struct server *s, const char *what, const struct control_caller *who)
{
	audit_event(s->audit, "drain",
	    json_pack("{s:s,s:I,s:I,s:I}", "what", what, "uid",
		(json_int_t)who->uid, "pid", (json_int_t)who->pid,
		"allocations", (json_int_t)count(s)));
}

/* ---- for others */

static int
open_drain(struct server *s)
{
	const struct timeval tv = { .tv_usec = DRAIN_LOOK_MS * 1000 };
	struct drain *d;

	if ((d = mem_try(1, sizeof(*d))) == NULL)
		return ENOMEM;
	d->server = s;
	d->look = event_new(s->base, -1, EV_PERSIST, on_look, d);
	if (d->look == NULL || event_add(d->look, &tv) < 0) {
		drain_free(d);
		return ENOMEM;
	}
	s->drain = d;
	return 0;
}

int
drain_begin(
    struct server *s, uint64_t deadline_ms, const struct control_caller *who)
{
	const uint64_t n = count(s);
	int rc;

	if (s->drain == NULL) {
		if ((rc = open_drain(s)) != 0)
			return rc;
		server_post_all(s, on_leave, NULL);
	}
	s->drain->ends = mono_now() + (mono_ms)deadline_ms;
	s->drain->uid = who->uid;
	s->drain->told = 0;
	log_warn("drain: no new allocations allocations=%" PRIu64
		 " deadline_s=%" PRIu64 " uid=%ld pid=%ld",
	    n, deadline_ms / 1000, who->uid, who->pid);
	record(s, "begun", who);
	say(s, s->drain);
	tell(s->drain, n);
	return 0;
}

bool
drain_cancel(struct server *s, const struct control_caller *who)
{
	if (s->drain == NULL)
		return false;
	drain_free(s->drain);
	s->drain = NULL;
	server_post_all(s, on_stay, NULL);
	log_warn("drain: cancelled uid=%ld pid=%ld", who->uid, who->pid);
	record(s, "cancelled", who);
	daemon_notify("STATUS=Serving");
	say(s, NULL);
	return true;
}

void
drain_free(struct drain *d)
{
	if (d == NULL)
		return;
	if (d->look != NULL)
		event_free(d->look);
	mem_free(d);
}

bool
drain_view(const struct server *s, struct drain_view *v)
{
	const struct drain *d = s->drain;

	if (d == NULL)
		return false;
	v->allocations = count(s);
	v->left_ms = left_ms(d);
	v->ends_s = mono_wall_s() + v->left_ms / 1000;
	v->uid = d->uid;
	return true;
}
