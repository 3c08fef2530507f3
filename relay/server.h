/*
 * server: the main thread.  Starts the workers, serves signals, the control
 * socket and the admin listener, reloads, and watches that every worker
 * turns.
 *
 * OWNER: main, all of it; workers answer through its mailbox.
 */
#ifndef RELAY_SERVER_H
#define RELAY_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/list.h"
#include "common/mono.h"
#include "relay/mailbox.h"
#include "relay/rate.h"
#include "relay/stats.h"

struct admin;
struct audit;
struct barred;
struct budget_host;
struct consent;
struct control;
struct control_call;
struct directory;
struct drain;
struct event;
struct event_base;
struct gate;
struct issuers;
struct live;
struct net_listeners;
struct net_tls;
struct opt_out;
struct policy;
struct quota;
struct reload;
struct site;
struct schedule;
struct signalling_shared;
struct snapshot;
struct turn_shared;
struct worker;

enum {
	/* Every message to the main thread answers one of its own: an
	 * acknowledgement and a list for each control connection, from each
	 * of SNAPSHOT_WORKERS_MAX workers: 256 x 17 = 4352. */
	SERVER_MAILBOX_ROOM = 8192,
	SERVER_WHY_MAX = 512,
};

/* STARTING -> SERVING -> ENDING */
enum server_state { SERVER_STARTING, SERVER_SERVING, SERVER_ENDING };

struct server {
	enum server_state state;
	const char *path; /* borrowed: the configuration file */
	struct event_base *base;
	struct event *sigterm, *sigint, *sighup;
	struct event *second;   /* rates, STATUS= */
	struct event *watchdog; /* NULL when nobody watches */
	struct event *mail;
	struct mailbox *mailbox;

	struct snapshot *conf; /* ours; workers may still read the one before,
				* which `reload` keeps */
	struct policy *policy;
	struct net_tls *tls; /* one count; NULL without certificate */
	struct net_listeners *listeners;
	struct budget_host *budget;
	struct turn_shared *turn;
	struct audit *audit;
	struct directory *directory; /* of nodes */
	struct signalling_shared *signalling;
	struct issuers *issuers; /* who may sign tokens */
	struct barred *barred;   /* names that were kicked */
	struct site *site;       /* what the network around us says */
	struct consent *consent; /* who says what about relaying */
	struct gate *gate;       /* and where it holds */
	struct quota *quota;
	struct schedule *schedule;
	struct event *quota_tick;
	struct opt_out *opt_out; /* the operator's word */
	struct drain *drain;     /* under way, or NULL */

	struct worker **workers;
	uint64_t *turns_seen; /* loop turns at the watchdog's last look */
	unsigned worker_count;

	struct control *control;
	struct admin *admin;
	struct reload *reload; /* under way, or NULL */
	bool reload_again;     /* asked for meanwhile */
	struct live *live;     /* changed on top of the files, or NULL */
	struct control_call *live_call; /* waits until that is applied */
	json_t *live_said;              /* and will be told */
	uint64_t reloads_done, reloads_failed;
	struct list listings; /* `allocations` being gathered */
	struct list explains; /* answers of `explain` */
	struct list kicks;    /* `kick` being done */
	struct list gathers;  /* `nodes`, `show` */
	struct list tops;     /* `top` */

	struct rate rate;
	uint64_t seconds; /* ticks of `second` */
	mono_ms started;
	int64_t started_wall_s;
};

/* Serves until SIGTERM or SIGINT.  Takes conf; borrows path.  Returns 0, or
 * an errno when the start failed (logged). */
MUST_CHECK int server_run(struct snapshot *conf, const char *path);

/* Ends the loop, and with it all that is relayed; why is for the log. */
void server_end(struct server *s, const char *why);

/* Builds the policy of conf for the addresses this host has now; NULL when
 * memory is short. */
struct policy *server_policy(const struct snapshot *conf);

/* Runs fn(worker, arg) in every worker. */
void server_post_all(struct server *s, mailbox_fn *fn, void *arg);

/* Any thread: runs fn(server, arg) in the main thread. */
void server_post(struct server *s, mailbox_fn *fn, void *arg);

/* Sums the workers' counters. */
void server_sum(const struct server *s, struct stats *sum);

#endif
