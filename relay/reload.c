#include "relay/reload.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "budget/budget.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/mem.h"
#include "net/net.h"
#include "policy/policy.h"
#include "relay/audit.h"
#include "relay/consent.h"
#include "relay/gate.h"
#include "relay/issuers.h"
#include "relay/quota_serve.h"
#include "relay/live.h"
#include "relay/server.h"
#include "relay/site.h"
#include "relay/snapshot.h"
#include "relay/worker.h"

struct reload {
	/* FROZEN: after it was posted */
	struct server *server;
	const struct snapshot *conf; /* the new, the server's by now */
	const struct policy *policy;
	struct net_tls *tls;
	/* OWNER: main */
	const char *area; /* of the log; "reload" is the files' */
	struct snapshot *old_conf;
	struct policy *old_policy;
	struct net_tls *old_tls;
	unsigned waiting; /* workers that have not let go yet */
};

void
reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	snapshot_free(r->old_conf);
	policy_free(r->old_policy);
	if (r->old_tls != NULL)
		net_tls_put(r->old_tls);
	mem_free(r);
}

/* ---- checking the new one */

static int
load(struct server *s, struct snapshot **conf, struct net_tls **tls,
    char why[SNAPSHOT_ERROR_MAX])
{
	int rc;

	if ((rc = snapshot_load(conf, s->path, why)) != 0)
		return rc;
	if ((rc = snapshot_may_replace(s->conf, *conf, why)) != 0 ||
	    (rc = audit_may_apply(s->audit, *conf, why, SNAPSHOT_ERROR_MAX)) !=
		0 ||
	    (rc = net_tls_load(tls, *conf, why, SNAPSHOT_ERROR_MAX)) != 0) {
		snapshot_free(*conf);
		*conf = NULL;
	}
	return rc;
}

/* Writes the changed keys into text, a line each; logs and records them. */
static void
tell_changes(struct audit *audit, const struct snapshot *old,
    const struct snapshot *new, char text[RELOAD_TEXT_MAX])
{
	json_t *lines = json_array();
	FILE *f = fmemopen(text, RELOAD_TEXT_MAX, "w");
	const char *line = text;

	text[0] = '\0';
	if (f == NULL) {
		json_decref(lines);
		return;
	}
	snapshot_diff(old, new, f);
	fclose(f);
	text[RELOAD_TEXT_MAX - 1] = '\0';
	while (*line != '\0') {
		const int len = (int)strcspn(line, "\n");

		log_info("reload: changed %.*s", len, line);
		json_array_append_new(lines, json_stringn(line, (size_t)len));
		line += len + (line[len] == '\n');
	}
	audit_event(audit, "reload", json_pack("{s:o}", "changes", lines));
}

/* ---- handing it over */

/* In the main thread, once per worker. */
static void
on_applied(void *context, void *arg)
{
	struct server *s = context;
	struct reload *r = arg;
	char text[RELOAD_TEXT_MAX];

	if (--r->waiting > 0)
		return;
	s->reload = NULL;
	log_info("%s: applied by every worker", r->area);
	reload_free(r);
	live_applied(s);
	daemon_notify("READY=1");
	if (s->reload_again) {
		s->reload_again = false;
		if (reload_begin(s, text) != 0)
			log_debug("reload: the one asked for meanwhile failed");
	}
}

/* In each worker. */
static void
on_apply(void *context, void *arg)
{
	struct worker *w = context;
	struct reload *r = arg;

	worker_apply(w, r->conf, r->policy, r->tls);
	server_post(r->server, on_applied, r);
}

int
reload_publish(struct server *s, const char *area, struct snapshot *conf,
    struct net_tls *tls)
{
	struct policy *policy = server_policy(conf);
	struct reload *r = mem_try(1, sizeof(*r));

	assert(s->reload == NULL);
	if (policy == NULL || r == NULL) {
		snapshot_free(conf);
		policy_free(policy);
		if (tls != NULL)
			net_tls_put(tls);
		mem_free(r);
		return ENOMEM;
	}
	/* from here on nothing can fail */
	*r = (struct reload){ .server = s,
		.area = area,
		.conf = conf,
		.policy = policy,
		.tls = tls,
		.old_conf = s->conf,
		.old_policy = s->policy,
		.old_tls = s->tls,
		.waiting = s->worker_count };
	s->conf = conf;
	s->policy = policy;
	s->tls = tls;
	s->reload = r;
	audit_apply(s->audit, conf);
	gate_configure(s, conf);
	budget_host_apply_at(s->budget, conf, consent_effect(s->consent)->rate);
	quota_serve_apply(s);
	site_configure(s->site);
	if (issuers_apply(s->issuers, conf) != 0)
		log_error("issuers: out of memory, the old ones stay");
	server_post_all(s, on_apply, r);
	return 0;
}

static int
fail_reload(struct server *s, int rc, const char *why, char *text)
{
	s->reloads_failed++;
	audit_event(s->audit, "reload", json_pack("{s:s}", "refused", why));
	snprintf(text, RELOAD_TEXT_MAX, "%s", why);
	log_error("reload: refused, the old configuration stays path=%s: %s",
	    s->path, why);
	daemon_notify("READY=1\nSTATUS=Reload refused: %s", why);
	return rc;
}

int
reload_begin(struct server *s, char text[RELOAD_TEXT_MAX])
{
	char why[SNAPSHOT_ERROR_MAX] = "out of memory";
	const struct snapshot *old = s->conf;
	struct snapshot *conf = NULL;
	struct net_tls *tls = NULL;
	int rc;

	if (s->reload != NULL) {
		s->reload_again = true;
		snprintf(text, RELOAD_TEXT_MAX,
		    "a reload is under way, another follows");
		return EBUSY;
	}
	daemon_notify(
	    "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)mono_now_us());
	if ((rc = load(s, &conf, &tls, why)) != 0)
		return fail_reload(s, rc, why, text);

	/* the old one lives until the workers have answered */
	if ((rc = reload_publish(s, "reload", conf, tls)) != 0)
		return fail_reload(s, rc, why, text);
	live_forget(s);
	gate_configure(s, conf); /* a live rate holds no longer */
	s->reloads_done++;
	if (log_open(conf->log.level, conf->log.target) != 0)
		log_warn("reload: log target not opened target=%s",
		    conf->log.target);
	tell_changes(s->audit, old, conf, text);
	return 0;
}
