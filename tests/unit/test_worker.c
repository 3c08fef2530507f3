#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "budget/budget.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/net.h"
#include "policy/policy.h"
#include "relay/snapshot.h"
#include "relay/worker.h"
#include "turn/turn.h"

enum { HEARTBEAT_MS = 20, PATIENCE_S = 20, IDLE_TURNS = 50 };

struct fixture {
	struct snapshot conf;
	struct addr any; /* 127.0.0.1, port 0 */
	struct worker_config config;
	struct policy *policy;
	struct net_listeners *listeners;
};

static int
setup(void **state)
{
	struct fixture *f = mem_must(1, sizeof(*f));
	char why[256];

	*state = f;
	if (addr_parse(&f->any, "127.0.0.1:0") != 0 ||
	    log_open(LOG_LEVEL_ERROR, "stderr") != 0)
		return -1;
	f->conf.node.realm = (char *)"example.test";
	f->conf.node.workers = 1;
	f->conf.listen.udp = (struct snapshot_addrs){ &f->any, 1 };
	f->conf.listen.certificate = (char *)"";
	f->conf.relay.enabled = true;
	f->conf.relay.addresses = (struct snapshot_addrs){ &f->any, 1 };
	f->conf.relay.port_min = 50000;
	f->conf.relay.port_max = 50999;
	f->conf.caps.allocations = f->conf.caps.connections = 16;
	if (net_listeners_open(&f->listeners, &f->conf, 0, why, sizeof(why)) !=
	    0)
		return -1;
	f->config = (struct worker_config){ .heartbeat_ms = HEARTBEAT_MS,
		.conf = &f->conf,
		.policy = policy_new(&f->conf, NULL, 0),
		.listeners = f->listeners,
		.budget = budget_host_new(&f->conf),
		.turn = turn_shared_new(&f->conf) };
	f->policy = policy_new(&f->conf, NULL, 0);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	turn_shared_free(f->config.turn);
	budget_host_free(f->config.budget);
	policy_free((struct policy *)f->config.policy);
	policy_free(f->policy);
	net_listeners_close(f->listeners);
	mem_free(f);
	return 0;
}

/* ---- what runs in the worker */

struct visit {
	sem_t done;
	const struct snapshot *conf; /* apply it, if any */
	const struct policy *policy;
	pthread_t thread;
	bool is_signal_blocked;
	unsigned index;
};

static void
on_visit(void *context, void *arg)
{
	struct worker *w = context;
	struct visit *v = arg;
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	v->is_signal_blocked = sigismember(&mask, SIGTERM) == 1;
	v->thread = pthread_self();
	v->index = worker_index(w);
	if (v->conf != NULL)
		worker_apply(w, v->conf, v->policy, NULL);
	sem_post(&v->done);
}

static void
visit(struct worker *w, struct visit *v)
{
	struct timespec until;

	assert_int_equal(sem_init(&v->done, 0, 0), 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	assert_int_equal(worker_post(w, on_visit, v), 0);
	assert_int_equal(sem_timedwait(&v->done, &until), 0);
	sem_destroy(&v->done);
}

/* ---- */

static void
test_a_message_runs_in_the_worker_with_signals_blocked(void **state)
{
	struct fixture *f = *state;
	struct visit v = { .index = 99 };
	struct worker *w;

	f->config.index = 0;
	w = worker_new(&f->config);
	assert_non_null(w);
	assert_int_equal(worker_start(w), 0);
	visit(w, &v);
	assert_false(pthread_equal(v.thread, pthread_self()));
	assert_true(v.is_signal_blocked);
	assert_int_equal(v.index, 0);
	worker_free(w);
}

/* The watchdog relies on it.  50 heartbeats take a second; timers alone would
 * need a minute. */
static void
test_an_idle_worker_goes_on_turning(void **state)
{
	struct fixture *f = *state;
	struct worker *w = worker_new(&f->config);
	const time_t end = time(NULL) + PATIENCE_S;
	uint64_t turns;

	assert_non_null(w);
	assert_int_equal(worker_start(w), 0);
	turns = worker_stats(w)->loop_turns;
	while (worker_stats(w)->loop_turns < turns + IDLE_TURNS)
		assert_true(time(NULL) < end);
	worker_stop(w);
	worker_stop(w); /* legal */
	worker_free(w);
}

static void
test_a_new_configuration_is_taken(void **state)
{
	struct fixture *f = *state;
	struct snapshot next = f->conf;
	struct visit v = { .conf = &next, .policy = f->policy };
	struct worker *w = worker_new(&f->config);

	next.relay.enabled = false;
	assert_non_null(w);
	assert_int_equal(worker_start(w), 0);
	visit(w, &v);
	worker_free(w);
}

static void
test_starting_survives_any_failing_allocation(void **state)
{
	struct fixture *f = *state;
	struct worker *w;
	int rc = ENOMEM;
	long n = 0;

	for (; rc != 0 && n < 1000; n++) {
		mem_fail_at(n);
		if ((w = worker_new(&f->config)) != NULL)
			rc = worker_start(w);
		mem_fail_at(-1);
		worker_free(w);
	}
	assert_int_equal(rc, 0);
	assert_true(n > 3);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_message_runs_in_the_worker_with_signals_blocked),
		CASE(test_an_idle_worker_goes_on_turning),
		CASE(test_a_new_configuration_is_taken),
		CASE(test_starting_survives_any_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
