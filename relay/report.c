#include "relay/report.h"

#include "relay/audit_watch.h"
#include "relay/barred.h"
#include "relay/consent.h"
#include "relay/drain.h"
#include "relay/issuers.h"
#include "relay/metrics.h"
#include "relay/metrics_budget.h"
#include "relay/nodes_report.h"
#include "relay/opt_out.h"
#include "relay/process.h"
#include "relay/quota_serve.h"
#include "relay/server.h"
#include "relay/site.h"
#include "relay/snapshot.h"
#include "relay/status.h"
#include "relay/status_budget.h"

/* How far the record and the network's word can be relied on. */
static json_t *
with_proof(const struct server *s, json_t *all)
{
	if (all == NULL)
		return NULL;
	json_object_set_new(all, "audit", audit_watch_json(s));
	json_object_set_new(all, "policy", site_json(s->site));
	return all;
}

json_t *
report_status(struct server *s)
{
	struct opt_out_view opt_out;
	struct drain_view drain;
	struct stats sum = { 0 };
	struct process process;
	struct memory_heap heap;
	json_t *all;
	struct status st = {
		.conf = s->conf,
		.listeners = s->listeners,
		.consent = s->consent,
		.opt_out = &opt_out,
		.drain = drain_view(s, &drain) ? &drain : NULL,
		.sum = &sum,
		.process = &process,
		.heap = &heap,
		.rate = rate_view(&s->rate),
		.started_wall_s = s->started_wall_s,
		.uptime_ms = mono_now() - s->started,
		.workers = s->worker_count,
		.is_serving = s->state == SERVER_SERVING,
		.is_reloading = s->reload != NULL,
	};

	opt_out_view(s, &opt_out);
	server_sum(s, &sum);
	process_read(&process);
	memory_heap_read(&heap);
	if ((all = status_json(&st)) != NULL)
		quota_serve_status(s, all);
	if (all != NULL)
		json_object_set_new(
		    all, "networks", status_budget_networks(s->budget));
	if (all != NULL)
		json_object_set_new(
		    all, "signalling", nodes_report_json(s, &sum));
	return with_proof(s, all);
}

void
report_metrics(struct server *s, FILE *out)
{
	struct opt_out_view opt_out;
	struct drain_view drain;
	struct stats sum = { 0 };
	struct metrics m = {
		.sum = &sum,
		.started_wall_s = s->started_wall_s,
		.uptime_ms = mono_now() - s->started,
		.workers = s->worker_count,
		.is_serving = s->state == SERVER_SERVING,
		.relay_enabled = s->conf->relay.enabled,
		.consent = s->consent,
		.drain = drain_view(s, &drain) ? &drain : NULL,
		.rate_bits = consent_effect(s->consent)->rate,
		.burst_bytes = s->conf->caps.burst,
		.allocations_max = s->conf->caps.allocations,
		.reloads_done = s->reloads_done,
		.reloads_failed = s->reloads_failed,
	};

	opt_out_view(s, &opt_out);
	m.switch_alarm = opt_out.alarm[0] != '\0';
	server_sum(s, &sum);
	process_read(&m.process);
	metrics_render(out, &m);
	metrics_budget_render(out, s->budget, mono_now_us());
	audit_watch_metrics(s, out);
	site_metrics(s->site, out);
	nodes_report_metrics(s, out);
	issuers_metrics(s->issuers, out);
	barred_metrics(s->barred, out, mono_wall_s());
	quota_serve_metrics(s, out);
}
