#include "relay/server.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "budget/budget.h"
#include "common/build.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "directory/directory.h"
#include "net/net.h"
#include "policy/policy.h"
#include "relay/admin.h"
#include "relay/audit.h"
#include "relay/audit_watch.h"
#include "relay/barred.h"
#include "relay/consent.h"
#include "relay/control.h"
#include "relay/drain.h"
#include "relay/gate.h"
#include "relay/issuers.h"
#include "relay/kick.h"
#include "relay/explain.h"
#include "relay/listing.h"
#include "relay/nodes.h"
#include "relay/opt_out.h"
#include "relay/quota_serve.h"
#include "relay/reload.h"
#include "relay/site.h"
#include "relay/snapshot.h"
#include "relay/top.h"
#include "relay/verbs.h"
#include "relay/worker.h"
#include "signalling/signalling.h"
#include "turn/turn.h"

enum {
	SERVER_STATUS_EVERY_S = 10,
	SERVER_PATH_MAX = 4096,
	SERVER_RUN_MODE = 0750,
	SERVER_BIND_WAIT_MS = 2000,
	SERVER_BIND_AGAIN_MS = 20,
};

/* ---- for others */

void
server_post(struct server *s, mailbox_fn *fn, void *arg)
{
	const int rc = mailbox_post(s->mailbox, fn, arg);

	assert(rc == 0); /* SERVER_MAILBOX_ROOM says why */
}

void
server_post_all(struct server *s, mailbox_fn *fn, void *arg)
{
	for (unsigned i = 0; i < s->worker_count; i++) {
		/* at most one message of a control connection, a reload and
		 * the end: far below WORKER_MAILBOX_ROOM */
		const int rc = worker_post(s->workers[i], fn, arg);

		assert(rc == 0);
	}
}

void
server_sum(const struct server *s, struct stats *sum)
{
	for (unsigned i = 0; i < s->worker_count; i++)
		stats_sum(sum, worker_stats(s->workers[i]));
}

void
server_end(struct server *s, const char *why)
{
	log_info("server: ends why=\"%s\"", why);
	s->state = SERVER_ENDING;
	daemon_notify("STOPPING=1\nSTATUS=Ending");
	event_base_loopbreak(s->base);
}

/* ---- what is ours: no peer may be one of these addresses */

static size_t
count_interfaces(const struct ifaddrs *all)
{
	size_t n = 0;

	for (; all != NULL; all = all->ifa_next)
		n++;
	return n;
}

static size_t
add_interfaces(struct addr *own, const struct ifaddrs *i)
{
	size_t n = 0;

	for (; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET &&
		    addr_from_sockaddr(
			&own[n], i->ifa_addr, sizeof(struct sockaddr_in)))
			n++;
		else if (i->ifa_addr->sa_family == AF_INET6 &&
		    addr_from_sockaddr(
			&own[n], i->ifa_addr, sizeof(struct sockaddr_in6)))
			n++;
	}
	return n;
}

struct policy *
server_policy(const struct snapshot *conf)
{
	struct ifaddrs *interfaces = NULL;
	struct policy *policy = NULL;
	struct addr *own;
	size_t n;

	if (getifaddrs(&interfaces) < 0)
		log_warn(
		    "server: interfaces unknown reason=%s", code_text(errno));
	n = count_interfaces(interfaces) + conf->relay.external_count;
	if ((own = mem_try(n + 1, sizeof(*own))) != NULL) {
		n = add_interfaces(own, interfaces);
		for (size_t i = 0; i < conf->relay.external_count; i++)
			own[n++] = conf->relay.external[i].outside;
		policy = policy_new(conf, own, n);
	}
	mem_free(own);
	if (interfaces != NULL)
		freeifaddrs(interfaces);
	return policy;
}

/* ---- events */

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	mailbox_drain(s->mailbox, s);
}

static void
on_end(evutil_socket_t sig, short what, void *arg)
{
	struct server *s = arg;

	(void)what;
	server_end(s, sig == SIGINT ? "signal INT" : "signal TERM");
}

static void
on_hup(evutil_socket_t sig, short what, void *arg)
{
	char text[RELOAD_TEXT_MAX];

	(void)sig;
	(void)what;
	if (reload_begin(arg, text) == EBUSY)
		log_info("reload: waits for the one under way");
}

/* Did what the counters say keep to the cap? */
static void
check_cap(struct server *s, const struct stats *sum, int64_t from)
{
	uint64_t bytes[STATS_DIRS] = { 0 };

	for (unsigned dir = 0; dir < STATS_DIRS; dir++) {
		for (unsigned kind = 0; kind < STATS_KINDS; kind++)
			bytes[dir] += sum->wire_bytes[dir][kind];
	}
	budget_host_check(s->budget, bytes, from, mono_now_us());
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct stats sum = { 0 };
	const int64_t from = mono_now_us();

	(void)fd;
	(void)what;
	server_sum(s, &sum);
	check_cap(s, &sum, from);
	rate_feed(&s->rate, &sum, mono_now());
	audit_watch_tick(s);
	if (s->seconds++ % SERVER_STATUS_EVERY_S == 0 && s->reload == NULL &&
	    s->drain == NULL)
		daemon_notify("STATUS=%" PRIu64 " allocations, %u workers%s",
		    sum.counter[STATS_ALLOCATIONS], s->worker_count,
		    consent_effect(s->consent)->relay ? ""
						      : ", relaying is off");
}

/* Tells the service manager that we live only when every worker turned. */
static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	bool is_alive = true;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < s->worker_count; i++) {
		const uint64_t turns = worker_stats(s->workers[i])->loop_turns;

		if (turns == s->turns_seen[i]) {
			log_error("server: worker does not turn worker=%u", i);
			is_alive = false;
		}
		s->turns_seen[i] = turns;
	}
	if (is_alive)
		daemon_notify("WATCHDOG=1");
}

static struct event *
every(struct server *s, int64_t ms, event_callback_fn fn)
{
	const struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	struct event *ev = event_new(s->base, -1, EV_PERSIST, fn, s);

	if (ev != NULL)
		event_add(ev, &tv);
	return ev;
}

static struct event *
on_signal(struct server *s, int sig, event_callback_fn fn)
{
	struct event *ev = evsignal_new(s->base, sig, fn, s);

	if (ev != NULL)
		event_add(ev, NULL);
	return ev;
}

static int
open_events(struct server *s)
{
	if ((s->base = event_base_new()) == NULL)
		return ENOMEM;
	if ((s->mailbox = mailbox_new(SERVER_MAILBOX_ROOM)) == NULL)
		return ENOMEM;
	s->mail = event_new(
	    s->base, mailbox_fd(s->mailbox), EV_READ | EV_PERSIST, on_mail, s);
	if (s->mail == NULL || event_add(s->mail, NULL) < 0)
		return ENOMEM;
	s->sigterm = on_signal(s, SIGTERM, on_end);
	s->sigint = on_signal(s, SIGINT, on_end);
	s->sighup = on_signal(s, SIGHUP, on_hup);
	s->second = every(s, 1000, on_second);
	if (s->sigterm == NULL || s->sigint == NULL || s->sighup == NULL ||
	    s->second == NULL)
		return ENOMEM;
	return 0;
}

/* ---- start */

/* What to do, in one line: a user's first start ends here. */
static void
explain_folder(const struct snapshot *conf, int rc, char *why, size_t why_size)
{
	snprintf(why, why_size,
	    "node.run: %s: %s: once, as root: install -d -o %u %s %s",
	    conf->node.run, code_text(rc), (unsigned)geteuid(), conf->node.run,
	    conf->node.state);
}

static int
open_control(struct server *s, char *why, size_t why_size)
{
	const char *run = s->conf->node.run;
	char path[SERVER_PATH_MAX];

	if (s->conf->admin.socket[0] != '\0')
		snprintf(path, sizeof(path), "%s", s->conf->admin.socket);
	else
		snprintf(path, sizeof(path), "%s/control.sock", run);
	if (mkdir(run, SERVER_RUN_MODE) < 0 && errno != EEXIST) {
		const int rc = errno;

		if (strncmp(path, run, strlen(run)) == 0) {
			explain_folder(s->conf, rc, why, why_size);
			return rc;
		}
		log_warn("server: node.run not made path=%s reason=%s", run,
		    code_text(rc));
	}
	return control_open(&s->control, s->base, path, why, why_size);
}

/* The kernel takes down the rings of a process that was killed, and closes
 * the sockets in them, a moment after it has gone: the next one waits. */
static int
open_listeners(struct server *s, int inherited, char *why, size_t why_size)
{
	const mono_ms deadline = mono_now() + SERVER_BIND_WAIT_MS;
	int rc;

	for (;;) {
		rc = net_listeners_open(
		    &s->listeners, s->conf, inherited, why, why_size);
		if (rc != EADDRINUSE || inherited > 0 || mono_now() >= deadline)
			return rc;
		poll(NULL, 0, SERVER_BIND_AGAIN_MS);
	}
}

/* Who may come, and who not. */
static int
open_names(struct server *s)
{
	s->issuers = issuers_new(s->conf);
	s->barred = barred_new(s->conf->node.state, mono_wall_s());
	if (s->issuers == NULL || s->barred == NULL)
		return ENOMEM;
	turn_shared_bar(s->turn, s->barred);
	return issuers_start(s->issuers);
}

/* What the workers' signalling shares; the listeners are open. */
static int
open_signalling(struct server *s)
{
	const struct signalling_shared_config config = { .conf = s->conf,
		.directory = s->directory = directory_new(),
		.issuers = s->issuers,
		.barred = s->barred,
		.listeners = s->listeners };

	if (s->directory == NULL)
		return ENOMEM;
	s->signalling = signalling_shared_new(&config);
	return s->signalling != NULL ? 0 : ENOMEM;
}

/* Before any listener: SO_REUSEPORT would let a second server in silently. */
static int
open_shared(struct server *s, char *why, size_t why_size)
{
	const int inherited = daemon_listen_fds();
	int rc;

	if ((rc = open_control(s, why, why_size)) != 0)
		return rc;
	if ((rc = audit_watch_open(s, why, why_size)) != 0 ||
	    (rc = net_tls_load(&s->tls, s->conf, why, why_size)) != 0)
		return rc;
	if ((rc = open_listeners(s, inherited, why, why_size)) != 0)
		return rc;
	snprintf(why, why_size, "out of memory");
	s->policy = server_policy(s->conf);
	s->budget = budget_host_new(s->conf);
	s->turn = turn_shared_new(s->conf);
	if (s->policy == NULL || s->budget == NULL || s->turn == NULL)
		return ENOMEM;
	if ((rc = open_names(s)) != 0 || (rc = open_signalling(s)) != 0 ||
	    (rc = gate_open(s)) != 0 || (rc = opt_out_open(s)) != 0 ||
	    (rc = site_open(s)) != 0 || (rc = quota_serve_open(s)) != 0)
		return rc;
	if (addr_is_none(&s->conf->admin.listen))
		return 0;
	return admin_open(&s->admin, s, &s->conf->admin.listen, why, why_size);
}

/* Twice between two looks of the watchdog. */
static unsigned
heartbeat_ms(void)
{
	const uint64_t watchdog = daemon_watchdog_ms();

	if (watchdog == 0 || watchdog / 2 > WORKER_HEARTBEAT_MS)
		return WORKER_HEARTBEAT_MS;
	return watchdog >= 2 ? (unsigned)(watchdog / 2) : 1;
}

static int
start_workers(struct server *s)
{
	struct worker_config config = {
		.heartbeat_ms = heartbeat_ms(),
		.conf = s->conf,
		.policy = s->policy,
		.tls = s->tls,
		.listeners = s->listeners,
		.budget = s->budget,
		.turn = s->turn,
		.signalling = s->signalling,
		.audit = s->audit,
	};
	const unsigned n = s->conf->node.workers;
	struct worker *w;
	int rc;

	s->workers = mem_must(n, sizeof(struct worker *));
	s->turns_seen = mem_must(n, sizeof(*s->turns_seen));
	for (unsigned i = 0; i < n; i++) {
		config.index = i;
		if ((w = worker_new(&config)) == NULL)
			return ENOMEM;
		s->workers[s->worker_count++] = w;
		if ((rc = worker_start(w)) != 0)
			return rc;
	}
	return 0;
}

static void
log_listeners(const struct server *s)
{
	enum net_transport transport;
	char text[ADDR_TEXT_MAX];
	struct addr at;

	for (size_t i = 0; net_listeners_at(s->listeners, i, &transport, &at);
	     i++)
		log_info("server: listens on %s %s",
		    net_transport_name(transport), addr_format(&at, text));
}

static int
start(struct server *s, char *why, size_t why_size)
{
	const uint64_t watchdog = daemon_watchdog_ms();
	int rc;

	snprintf(why, why_size, "out of memory");
	if ((rc = open_events(s)) != 0)
		return rc;
	if ((rc = open_shared(s, why, why_size)) != 0)
		return rc;
	snprintf(why, why_size, "workers did not start");
	if ((rc = start_workers(s)) != 0)
		return rc;
	control_serve(s->control, verbs, s);
	if (watchdog > 0)
		s->watchdog = every(s, (int64_t)watchdog, on_watchdog);
	log_listeners(s);
	return 0;
}

/* ---- end */

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

/* Workers are asked all at once, joined one by one, and freed when none runs
 * that could send to another's mailbox. */
static void
stop_workers(struct server *s)
{
	for (unsigned i = 0; i < s->worker_count; i++)
		worker_end(s->workers[i]);
	for (unsigned i = 0; i < s->worker_count; i++)
		worker_stop(s->workers[i]);
	quota_serve_sum(s);
	for (unsigned i = 0; i < s->worker_count; i++)
		worker_free(s->workers[i]);
	mem_free(s->workers);
	mem_free(s->turns_seen);
	quota_serve_close(s);
}

/* Everything may be missing. */
static void
stop(struct server *s)
{
	control_close(s->control);
	admin_close(s->admin);
	stop_workers(s);
	site_free(s->site);
	audit_close(s->audit);
	listing_free_all(&s->listings);
	explain_free_all(&s->explains);
	kick_free_all(&s->kicks);
	nodes_free_all(&s->gathers);
	top_free_all(&s->tops);
	reload_free(s->reload);
	mem_free(s->live);
	json_decref(s->live_said);
	drain_free(s->drain);
	opt_out_free(s->opt_out);
	gate_free(s->gate);
	consent_free(s->consent);
	signalling_shared_free(s->signalling);
	directory_free(s->directory);
	turn_shared_free(s->turn);
	issuers_free(s->issuers);
	barred_free(s->barred);
	budget_host_free(s->budget);
	policy_free(s->policy);
	if (s->listeners != NULL)
		net_listeners_close(s->listeners);
	if (s->tls != NULL)
		net_tls_put(s->tls);
	free_event(s->sigterm);
	free_event(s->sigint);
	free_event(s->sighup);
	free_event(s->second);
	free_event(s->watchdog);
	free_event(s->mail);
	mailbox_free(s->mailbox);
	if (s->base != NULL)
		event_base_free(s->base);
	snapshot_free(s->conf);
}

int
server_run(struct snapshot *conf, const char *path)
{
	struct server s = { .path = path,
		.conf = conf,
		.started = mono_now(),
		.started_wall_s = mono_wall_s() };
	char why[SERVER_WHY_MAX];
	int rc;

	list_init(&s.listings);
	list_init(&s.explains);
	list_init(&s.kicks);
	list_init(&s.gathers);
	list_init(&s.tops);
	signal(SIGPIPE, SIG_IGN);
	log_info(
	    "server: starts version=%s revision=%s workers=%u fds=%" PRIu64,
	    build_version, build_revision, conf->node.workers,
	    daemon_raise_nofile());
	if ((rc = start(&s, why, sizeof(why))) != 0) {
		log_error("server: did not start: %s", why);
	} else {
		s.state = SERVER_SERVING;
		log_info("server: serves relay=%s",
		    consent_effect(s.consent)->relay ? "on" : "off");
		daemon_notify("READY=1\nSTATUS=Serving");
		event_base_dispatch(s.base);
		log_info("server: ended");
	}
	stop(&s);
	return rc;
}
