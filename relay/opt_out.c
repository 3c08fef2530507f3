#include "relay/opt_out.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/mono.h"
#include "relay/audit.h"
#include "relay/gate.h"
#include "relay/server.h"
#include "relay/snapshot.h"

struct opt_out {
	/* OWNER: main */
	struct server *server;
	struct event *timer;
	struct switch_word word; /* as it holds */
	mono_ms ends;            /* of allocations; when is_waiting */
	bool is_waiting;
	const char *alarm;
};

static const char alarm_damaged[] =
    "the switch file is damaged or cannot be read: relaying stays off until "
    "`relay on`";
static const char alarm_not_stored[] =
    "`relay off` could not be stored: a restart would relay again";

/* ---- what holds */

/* Says the word that holds where everybody's are merged. */
static void
say(struct opt_out *o)
{
	const struct switch_word *w = &o->word;
	struct consent_say said = { .relay = w->relay };

	if (o->alarm == alarm_damaged)
		snprintf(said.reason, sizeof(said.reason),
		    "the switch file is damaged");
	else if (!w->relay)
		snprintf(said.reason, sizeof(said.reason), "uid %lld%s%s",
		    (long long)w->uid, w->reason[0] != '\0' ? ": " : "",
		    w->reason);
	consent_set(o->server->consent, CONSENT_OPERATOR, &said);
}

static void
stop_waiting(struct opt_out *o)
{
	event_del(o->timer);
	o->is_waiting = false;
	gate_spare(o->server, CONSENT_OPERATOR, false);
}

static void
wait_until(struct opt_out *o, uint64_t ms)
{
	const struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };

	o->ends = mono_now() + (mono_ms)ms;
	o->is_waiting = true;
	gate_spare(o->server, CONSENT_OPERATOR, true);
	event_add(o->timer, &tv);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct opt_out *o = arg;

	(void)fd;
	(void)what;
	log_info("switch: deadline reached, allocations end");
	stop_waiting(o);
}

/* ---- the operator's orders */

static void
report(struct audit *audit, const struct opt_out_order *order)
{
	log_warn("switch: relaying switched %s uid=%ld pid=%ld reason=\"%s\" "
		 "deadline_s=%llu",
	    order->relay ? "on" : "off", order->who.uid, order->who.pid,
	    order->reason, (unsigned long long)order->deadline_ms / 1000);
	audit_event(audit, "relay",
	    json_pack("{s:b,s:I,s:I,s:s,s:I}", "relay", order->relay, "uid",
		(json_int_t)order->who.uid, "pid", (json_int_t)order->who.pid,
		"reason", order->reason, "deadline_ms",
		(json_int_t)order->deadline_ms));
}

static struct switch_word
word_of(const struct opt_out *o, const struct opt_out_order *order)
{
	struct switch_word w = { .relay = order->relay,
		.since_s = mono_wall_s(),
		.uid = order->who.uid };

	/* off since it was switched off, not since that was said again */
	if (!order->relay && !o->word.relay && o->word.since_s != 0)
		w.since_s = o->word.since_s;
	snprintf(w.reason, sizeof(w.reason), "%s", order->reason);
	return w;
}

static int
switch_on(struct opt_out *o, const struct switch_word *w)
{
	const char *dir = o->server->conf->node.state;
	const int rc = switch_write(dir, w);

	if (rc != 0) {
		log_error("switch: relaying stays off, `on` was not stored "
			  "path=%s/switch reason=%s",
		    dir, code_text(rc));
		/* what the disk says by now nobody knows: off, if it can be */
		if (!o->word.relay && o->alarm != alarm_damaged &&
		    switch_write(dir, &o->word) != 0)
			log_error("switch: may be on after a restart");
		return rc;
	}
	o->alarm = "";
	o->word = *w;
	stop_waiting(o);
	say(o);
	return 0;
}

static void
switch_off(struct opt_out *o, const struct switch_word *w, uint64_t deadline_ms)
{
	const char *dir = o->server->conf->node.state;
	const int rc = switch_write(dir, w);

	o->alarm = rc == 0 ? "" : alarm_not_stored;
	if (rc != 0)
		log_error("switch: `off` holds but was not stored "
			  "path=%s/switch reason=%s",
		    dir, code_text(rc));
	o->word = *w;
	/* spared before the word, or they would end with it */
	if (deadline_ms > 0)
		wait_until(o, deadline_ms);
	say(o);
	if (deadline_ms == 0)
		stop_waiting(o);
}

int
opt_out_set(struct server *s, const struct opt_out_order *order)
{
	struct opt_out *o = s->opt_out;
	const struct switch_word w = word_of(o, order);
	int rc;

	if (order->relay) {
		if ((rc = switch_on(o, &w)) != 0)
			return rc;
	} else {
		switch_off(o, &w, order->deadline_ms);
	}
	report(s->audit, order);
	return 0;
}

void
opt_out_view(const struct server *s, struct opt_out_view *v)
{
	const struct opt_out *o = s->opt_out;

	v->word = o->word;
	v->alarm = o->alarm;
	v->left_ms = -1;
	if (o->is_waiting && (v->left_ms = o->ends - mono_now()) < 0)
		v->left_ms = 0;
}

/* ---- start */

static void
read_word(struct opt_out *o)
{
	const char *dir = o->server->conf->node.state;
	const int rc = switch_read(&o->word, dir);

	o->alarm = "";
	if (rc != 0) {
		o->word = (struct switch_word){ .uid = -1 };
		o->alarm = alarm_damaged;
		log_error("switch: relaying stays off until `supernodectl "
			  "relay on`: not read path=%s/switch reason=%s",
		    dir, code_text(rc));
	} else if (!o->word.relay) {
		log_warn("switch: relaying is off until `supernodectl relay "
			 "on` since=%lld uid=%lld reason=\"%s\"",
		    (long long)o->word.since_s, (long long)o->word.uid,
		    o->word.reason);
	}
}

int
opt_out_open(struct server *s)
{
	struct opt_out *o;

	if ((o = mem_try(1, sizeof(*o))) == NULL)
		return ENOMEM;
	s->opt_out = o;
	o->server = s;
	if ((o->timer = evtimer_new(s->base, on_deadline, o)) == NULL)
		return ENOMEM;
	read_word(o);
	say(o);
	return 0;
}

void
opt_out_free(struct opt_out *o)
{
	if (o == NULL)
		return;
	if (o->timer != NULL)
		event_free(o->timer);
	mem_free(o);
}
