#include "relay/worker.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "budget/budget.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/mono.h"
#include "common/owner.h"
#include "common/wheel.h"
#include "net/net.h"
#include "relay/snapshot.h"
#include "signalling/signalling.h"
#include "turn/turn.h"

enum { WORKER_NAME_MAX = 16 /* pthread_setname_np(3) */ };

struct worker {
	/* FROZEN: after worker_new */
	struct worker_config config; /* conf, policy, tls: at the start */
	struct stats *stats;         /* SHARED: atomic */
	struct mailbox *mailbox;
	/* OWNER: main */
	pthread_t thread;
	bool is_running;
	/* OWNER: worker */
	struct owner owner;
	struct event_base *base;
	struct event *mail;
	struct event *tick; /* wakes the loop for the wheel */
	mono_ms tick_due;
	struct wheel *wheel;
	struct budget *budget;
	struct net *net;
	struct turn *turn;
	struct signalling *signalling; /* NULL: none is served */
	/* SHARED: atomic */
	_Atomic bool is_ending;
	/* SHARED: written before ready is posted */
	sem_t ready;
	int start_code;
};

/* ---- net's way up: to the TURN server, past the accounting point */

static void
on_message(void *arg, const struct net_flow *from, struct buf *b, mono_ms now)
{
	struct worker *w = arg;

	turn_message(w->turn, from, b, now);
}

static void
on_closed(void *arg, const struct net_flow *flow, mono_ms now)
{
	struct worker *w = arg;

	turn_closed(w->turn, flow, now);
}

static void
on_relayed(void *arg, void *owner, const struct addr *peer, struct buf *b)
{
	struct worker *w = arg;

	turn_relayed(w->turn, owner, peer, b);
}

static void
on_relayed_icmp(void *arg, void *owner, const struct net_icmp *e)
{
	struct worker *w = arg;

	turn_relayed_icmp(w->turn, owner, e);
}

static bool
on_taken(void *arg, enum stats_kind kind, size_t wire)
{
	struct worker *w = arg;

	return budget_take(w->budget, STATS_IN, kind, wire, net_now_us(w->net));
}

static bool
on_admit(void *arg, enum stats_kind kind, size_t wire)
{
	struct worker *w = arg;

	return budget_take(
	    w->budget, STATS_OUT, kind, wire, net_now_us(w->net));
}

static size_t
on_room(void *arg, const struct net_flow *flow, enum stats_dir dir)
{
	struct worker *w = arg;
	size_t room;

	if (w->signalling != NULL &&
	    signalling_room(w->signalling, flow, dir, &room))
		return room;
	return turn_room(w->turn, flow, dir);
}

static void
on_request(void *arg, struct net_web *web, const struct net_request *r)
{
	struct worker *w = arg;

	if (w->signalling != NULL)
		signalling_request(w->signalling, web, r);
	else
		net_web_answer(web, 404, "text/plain", NULL, "not found\n", 10);
}

static void
on_charge(
    void *arg, const struct net_flow *flow, enum stats_dir dir, size_t wire)
{
	struct worker *w = arg;

	budget_charge(
	    w->budget, dir, net_flow_kind(flow), wire, net_now_us(w->net));
	/* they are gone when the last ones are closed */
	if (w->signalling != NULL)
		signalling_charge(w->signalling, flow, dir, wire);
	if (w->turn != NULL && dir == STATS_IN)
		turn_charge(w->turn, flow, wire);
}

/* ---- the loop */

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	mailbox_drain(w->mailbox, w);
}

/* Only ends the wait: the loop itself advances the wheel. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Has libevent wake the loop in so many ms.  A timer that is due earlier
 * already is left alone: it costs one empty turn. */
static void
set_tick(struct worker *w, mono_ms now, int wait)
{
	struct timeval tv;

	if (event_pending(w->tick, EV_TIMEOUT, NULL) &&
	    w->tick_due <= now + wait)
		return;
	w->tick_due = now + wait;
	tv = (struct timeval){ wait / 1000, wait % 1000 * 1000 };
	event_add(w->tick, &tv);
}

/* Waits for work and does it, or until the wheel wants to turn; for a
 * heartbeat at most. */
static void
wait(struct worker *w, mono_ms now)
{
	int ms = wheel_next_ms(w->wheel, now);

	if (ms > (int)w->config.heartbeat_ms)
		ms = (int)w->config.heartbeat_ms;
	if (net_wait(w->net, ms))
		return;
	set_tick(w, now, ms);
	event_base_loop(w->base, EVLOOP_ONCE);
}

static void
run_loop(struct worker *w)
{
	mono_ms now = mono_now();
	int64_t now_us;

	while (!atomic_load_explicit(&w->is_ending, memory_order_relaxed)) {
		wait(w, now);
		now = net_now(w->net);
		wheel_advance(w->wheel, now);
		turn_turn_end(w->turn);
		if (w->signalling != NULL)
			signalling_turn_end(w->signalling);
		now_us = net_now_us(w->net);
		net_turn_end(w->net);
		budget_turn_end(w->budget, now_us);
		stats_add(&w->stats->loop_turns, 1);
	}
}

/* ---- building and taking down, in the worker's thread */

static struct event_base *
open_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	/* nobody but the worker touches its base */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static int
open_loop(struct worker *w)
{
	if ((w->base = open_base()) == NULL)
		return ENOMEM;
	if ((w->wheel = wheel_new(mono_now())) == NULL)
		return ENOMEM;
	mem_use_one(stats_memory(w->stats, MEMORY_WHEELS), 1, w->wheel);
	if ((w->tick = evtimer_new(w->base, on_tick, w)) == NULL)
		return ENOMEM;
	if ((w->mail = event_new(w->base, mailbox_fd(w->mailbox),
		 EV_READ | EV_PERSIST, on_mail, w)) == NULL)
		return ENOMEM;
	return event_add(w->mail, NULL) == 0 ? 0 : ENOMEM;
}

static int
open_net(struct worker *w)
{
	const struct worker_config *c = &w->config;
	struct net_config config = {
		.base = w->base,
		.wheel = w->wheel,
		.stats = w->stats,
		.conf = c->conf,
		.tls = c->tls != NULL ? net_tls_get(c->tls) : NULL,
		.listeners = c->listeners,
		.worker = c->index,
		.waits = true,
		.sink = { .arg = w,
		    .message = on_message,
		    .closed = on_closed,
		    .relayed = on_relayed,
		    .relayed_icmp = on_relayed_icmp,
		    .taken = on_taken,
		    .admit = on_admit,
		    .room = on_room,
		    .charge = on_charge,
		    .request = on_request },
	};

	if ((w->budget = budget_new(c->budget, w->stats)) == NULL)
		return ENOMEM;
	budget_apply(w->budget, c->conf);
	return (w->net = net_new(&config)) != NULL ? 0 : ENOMEM;
}

static int
open_turn(struct worker *w)
{
	const struct turn_config config = {
		.net = w->net,
		.wheel = w->wheel,
		.stats = w->stats,
		.budget = w->budget,
		.shared = w->config.turn,
		.audit = w->config.audit,
		.conf = w->config.conf,
		.policy = w->config.policy,
		.worker = w->config.index,
		.mailbox = w->mailbox,
	};

	return (w->turn = turn_new(&config)) != NULL ? 0 : ENOMEM;
}

static int
open_signalling(struct worker *w)
{
	const struct signalling_config config = {
		.net = w->net,
		.wheel = w->wheel,
		.stats = w->stats,
		.budget = w->budget,
		.shared = w->config.signalling,
		.audit = w->config.audit,
		.conf = w->config.conf,
		.policy = w->config.policy,
		.worker = w->config.index,
		.mailbox = w->mailbox,
	};

	if (config.shared == NULL)
		return 0;
	return (w->signalling = signalling_new(&config)) != NULL ? 0 : ENOMEM;
}

/* Everything may be missing. */
static void
close_all(struct worker *w)
{
	struct signalling *signalling = w->signalling;

	/* its last words are charged to nobody */
	w->signalling = NULL;
	signalling_free(signalling);
	/* now, for nothing leaves when net is freed */
	if (signalling != NULL)
		net_turn_end(w->net);
	if (w->turn != NULL)
		turn_free(w->turn);
	w->turn = NULL;
	if (w->net != NULL)
		net_free(w->net);
	if (w->budget != NULL)
		budget_free(w->budget);
	if (w->mail != NULL)
		event_free(w->mail);
	if (w->tick != NULL)
		event_free(w->tick);
	wheel_free(w->wheel);
	if (w->base != NULL)
		event_base_free(w->base);
}

static void *
run(void *arg)
{
	struct worker *w = arg;
	int rc;

	owner_bind(&w->owner);
	if ((rc = open_loop(w)) == 0 && (rc = open_net(w)) == 0)
		rc = open_turn(w);
	if (rc == 0)
		rc = open_signalling(w);
	w->start_code = rc;
	sem_post(&w->ready);
	if (rc == 0)
		run_loop(w);
	close_all(w);
	return NULL;
}

/* ---- for the main thread */

struct worker *
worker_new(const struct worker_config *config)
{
	struct worker *w;

	if ((w = mem_try_aligned(sizeof(*w))) == NULL)
		return NULL;
	w->config = *config;
	if (w->config.heartbeat_ms == 0)
		w->config.heartbeat_ms = WORKER_HEARTBEAT_MS;
	if (sem_init(&w->ready, 0, 0) < 0)
		goto fail;
	if ((w->stats = mem_try_aligned(sizeof(*w->stats))) == NULL)
		goto fail;
	if ((w->mailbox = mailbox_new(WORKER_MAILBOX_ROOM)) == NULL)
		goto fail;
	return w;

fail:
	worker_free(w);
	return NULL;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	worker_stop(w);
	sem_destroy(&w->ready);
	mailbox_free(w->mailbox);
	mem_free(w->stats);
	mem_free(w);
}

/* Signals are the main thread's: a thread starts with the mask of the one
 * that makes it. */
static int
spawn(struct worker *w)
{
	char name[WORKER_NAME_MAX];
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return rc;
	snprintf(name, sizeof(name), "worker-%u", w->config.index);
	pthread_setname_np(w->thread, name);
	w->is_running = true;
	return 0;
}

int
worker_start(struct worker *w)
{
	int rc;

	assert(!w->is_running);
	if ((rc = spawn(w)) != 0)
		return rc;
	while (sem_wait(&w->ready) < 0 && errno == EINTR)
		;
	if ((rc = w->start_code) != 0)
		worker_stop(w);
	return rc;
}

/* Only wakes the loop. */
static void
on_end(void *context, void *arg)
{
	(void)context;
	(void)arg;
}

void
worker_end(struct worker *w)
{
	atomic_store(&w->is_ending, true);
	/* a full mailbox wakes the loop as well */
	if (worker_post(w, on_end, NULL) != 0)
		log_debug("worker: mailbox full at the end");
}

void
worker_stop(struct worker *w)
{
	if (!w->is_running)
		return;
	worker_end(w);
	pthread_join(w->thread, NULL);
	w->is_running = false;
}

int
worker_post(struct worker *w, mailbox_fn *fn, void *arg)
{
	return mailbox_post(w->mailbox, fn, arg);
}

void
worker_apply(struct worker *w, const struct snapshot *conf,
    const struct policy *policy, struct net_tls *tls)
{
	OWNER_CHECK(w);
	budget_apply(w->budget, conf);
	net_apply(w->net, conf, tls != NULL ? net_tls_get(tls) : NULL);
	turn_apply(w->turn, conf, policy, net_now(w->net));
	if (w->signalling != NULL)
		signalling_apply(w->signalling, conf, policy);
}

struct turn *
worker_turn(struct worker *w)
{
	OWNER_CHECK(w);
	return w->turn;
}

struct signalling *
worker_signalling(struct worker *w)
{
	OWNER_CHECK(w);
	return w->signalling;
}

mono_ms
worker_now(struct worker *w)
{
	OWNER_CHECK(w);
	return net_now(w->net);
}

struct worker_kicked
worker_kick(struct worker *w, const char *name, size_t len)
{
	struct worker_kicked k = { 0 };

	OWNER_CHECK(w);
	if (w->signalling != NULL)
		k.sessions = signalling_kick(w->signalling, name, len);
	k.allocations = turn_end_user(w->turn, name, len, "kicked");
	return k;
}

size_t
worker_kick_moved(
    struct worker *w, const char *name, size_t len, mono_ms before)
{
	OWNER_CHECK(w);
	return w->signalling == NULL
	    ? 0
	    : signalling_kick_moved(w->signalling, name, len, before);
}

unsigned
worker_index(const struct worker *w)
{
	return w->config.index;
}

const struct stats *
worker_stats(const struct worker *w)
{
	return w->stats;
}
