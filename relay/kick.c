#include "relay/kick.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/mono.h"
#include "relay/audit.h"
#include "relay/barred.h"
#include "relay/control.h"
#include "relay/server.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

enum { WHY_MAX = 256 };

struct kick {
	/* FROZEN: after it was posted */
	struct server *server;
	char name[BARRED_NAME_MAX + 1];
	size_t len;
	int64_t until_s; /* 0: it may come back */
	mono_ms begun;
	/* OWNER: main */
	struct list node; /* in the server's kicks */
	struct control_call *call;
	struct control_caller who;
	unsigned waiting;
	const char *warning; /* constant; NULL: none */
	/* OWNER: part[i], worker i, until it is posted to main */
	struct worker_kicked part[];
};

static void
free_kick(struct kick *k)
{
	list_remove(&k->node);
	mem_free(k);
}

void
kick_free_all(struct list *kicks)
{
	while (!list_is_empty(kicks))
		free_kick(LIST_ITEM(kicks->next, struct kick, node));
}

/* ---- the end */

static struct worker_kicked
sum(const struct kick *k)
{
	struct worker_kicked all = { 0 };

	for (unsigned i = 0; i < k->server->worker_count; i++) {
		all.sessions += k->part[i].sessions;
		all.allocations += k->part[i].allocations;
	}
	return all;
}

static json_t *
until_json(const struct kick *k)
{
	return k->until_s != 0 ? json_integer(k->until_s) : json_null();
}

static void
record(const struct kick *k, const struct worker_kicked *all)
{
	log_info("kick: ended name=\"%s\" sessions=%zu allocations=%zu "
		 "until=%lld uid=%ld pid=%ld",
	    k->name, all->sessions, all->allocations, (long long)k->until_s,
	    k->who.uid, k->who.pid);
	audit_event(k->server->audit, "kick",
	    json_pack("{s:s,s:I,s:I,s:o,s:I,s:I}", "user", k->name, "sessions",
		(json_int_t)all->sessions, "allocations",
		(json_int_t)all->allocations, "until", until_json(k), "uid",
		(json_int_t)k->who.uid, "pid", (json_int_t)k->who.pid));
}

/* In the main thread, once per worker: the end. */
static void
on_kicked_moved(void *context, void *arg)
{
	struct kick *k = arg;
	struct worker_kicked all;

	(void)context;
	if (--k->waiting > 0)
		return;
	all = sum(k);
	record(k, &all);
	control_answer(k->call,
	    json_pack("{s:I,s:I,s:o,s:s?}", "sessions",
		(json_int_t)all.sessions, "allocations",
		(json_int_t)all.allocations, "until", until_json(k), "warning",
		k->warning));
	free_kick(k);
}

/* In each worker: what was let go before the first round came by, and arrived
 * after it, is found now. */
static void
on_kick_moved(void *context, void *arg)
{
	struct worker *w = context;
	struct kick *k = arg;

	k->part[worker_index(w)].sessions +=
	    worker_kick_moved(w, k->name, k->len, k->begun);
	server_post(k->server, on_kicked_moved, k);
}

/* In the main thread, once per worker: a second round. */
static void
on_kicked(void *context, void *arg)
{
	struct kick *k = arg;

	(void)context;
	if (--k->waiting > 0)
		return;
	k->waiting = k->server->worker_count;
	server_post_all(k->server, on_kick_moved, k);
}

/* In each worker. */
static void
on_kick(void *context, void *arg)
{
	struct worker *w = context;
	struct kick *k = arg;

	k->part[worker_index(w)] = worker_kick(w, k->name, k->len);
	server_post(k->server, on_kicked, k);
}

/* ---- the beginning */

static bool
is_time(const json_t *j)
{
	return j == NULL ||
	    (json_is_integer(j) && json_integer_value(j) >= 0 &&
		json_integer_value(j) <= BARRED_FOR_MAX_S * INT64_C(1000));
}

/* Before any worker looks: what is opened after it has looked is refused. */
static int
bar(struct kick *k, int64_t for_ms, char why[WHY_MAX])
{
	const int64_t now_s = mono_wall_s();
	int rc;

	k->until_s = for_ms > 0 ? now_s + (for_ms + 999) / 1000 : 0;
	rc = barred_set(k->server->barred, k->name, k->len, k->until_s, now_s);
	if (rc == 0 || (rc == ENOENT && for_ms == 0))
		return 0;
	if (rc == ENOSPC || rc == ENOMEM) {
		snprintf(why, WHY_MAX, "%s",
		    rc == ENOSPC ? "too many names are kept out already"
				 : "out of memory");
		return rc;
	}
	log_warn("kick: not kept over a restart path=%s/barred reason=%s",
	    k->server->conf->node.state, code_text(rc));
	k->warning = "it holds, but could not be written: a restart will "
		     "forget it";
	return 0;
}

static struct kick *
new_kick(struct server *s, struct control_call *call, const char *name)
{
	struct kick *k;

	if ((k = mem_try(
		 1, sizeof(*k) + s->worker_count * sizeof(k->part[0]))) == NULL)
		return NULL;
	k->server = s;
	k->call = call;
	k->begun = mono_now();
	k->who = control_caller(call);
	k->len = strlen(name);
	memcpy(k->name, name, k->len + 1);
	k->waiting = s->worker_count;
	list_append(&s->kicks, &k->node);
	return k;
}

void
kick_verb(void *arg, struct control_call *call, const json_t *args)
{
	const json_t *name = json_object_get(args, "name");
	const json_t *for_ms = json_object_get(args, "for_ms");
	char why[WHY_MAX] = "out of memory";
	struct kick *k;

	if (!control_is_text(name, BARRED_NAME_MAX) ||
	    json_string_length(name) == 0 || !is_time(for_ms) ||
	    json_object_size(args) != (for_ms != NULL ? 2 : 1)) {
		control_refuse(call,
		    "kick takes a name of 1 to 512 bytes without quotes and "
		    "control characters, and a time of at most 366d");
		return;
	}
	if ((k = new_kick(arg, call, json_string_value(name))) == NULL) {
		control_refuse(call, why);
		return;
	}
	if (for_ms != NULL && bar(k, json_integer_value(for_ms), why) != 0) {
		free_kick(k);
		control_refuse(call, why);
		return;
	}
	server_post_all(k->server, on_kick, k);
}
