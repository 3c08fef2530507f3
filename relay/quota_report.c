/* What the quota shows: JSON for the verbs, metrics, the audit log. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/units.h"
#include "common/zone.h"
#include "relay/audit.h"
#include "relay/consent.h"
#include "relay/quota_own.h"
#include "relay/snapshot.h"

static const char *const states[] = {
	[QUOTA_OPEN] = "open",
	[QUOTA_SPENT] = "used-up",
	[QUOTA_FAULT] = "no-ledger",
};

static const char *const at_quota[] = {
	[SNAPSHOT_TRICKLE] = "trickle",
	[SNAPSHOT_SIGNALLING] = "signalling",
	[SNAPSHOT_OFF] = "off",
};

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

/* 0: there is none */
static json_t *
limit_json(uint64_t limit)
{
	return limit == 0 ? json_null() : number(limit);
}

static json_t *
time_json(const struct quota *q, int64_t s)
{
	char text[DATE_TEXT_MAX];

	return json_string(zone_format(q->zone, s, text));
}

static uint64_t
left(uint64_t limit, uint64_t used)
{
	return used < limit ? limit - used : 0;
}

/* {"limit","used","left","percent"} */
static json_t *
use_json(uint64_t limit, const struct budget_count *c)
{
	const uint64_t used = budget_count_used(c);
	json_t *o = json_pack(
	    "{s:o,s:o}", "limit", limit_json(limit), "used", number(used));

	json_object_set_new(
	    o, "left", limit == 0 ? json_null() : number(left(limit, used)));
	json_object_set_new(o, "percent",
	    limit == 0 ? json_null()
		       : json_real((double)used * 100 / (double)limit));
	return o;
}

/* ---- supernodectl quota */

static json_t *
forecast_json(const struct quota *q, enum budget_period_kind kind,
    const struct quota_clock *clock)
{
	const struct budget_forecast f = quota_forecast(q, kind, clock);
	char text[BUDGET_FORECAST_MAX];

	if (quota_limit(q, kind) == 0)
		return json_null();
	return json_pack("{s:o,s:o,s:s}", "rate_byte_s", number(f.rate),
	    "exhausted", f.at < 0 ? json_null() : time_json(q, f.at), "text",
	    budget_forecast_text(&f, &q->calendar, kind, text));
}

static json_t *
period_json(struct quota *q, enum budget_period_kind kind,
    const struct quota_clock *clock)
{
	const struct budget_count *c =
	    &budget_ledger_host(q->ledger)->now[kind];
	json_t *o = use_json(quota_limit(q, kind), c);
	char name[BUDGET_PERIOD_NAME_MAX];

	json_object_set_new(o, "period", json_string(quota_period_word(kind)));
	json_object_set_new(o, "name",
	    json_string(budget_period_name(kind, q->period[kind].id, name)));
	json_object_set_new(o, "begin", time_json(q, q->period[kind].begin));
	json_object_set_new(o, "end", time_json(q, q->period[kind].end));
	json_object_set_new(o, "in", number(c->in));
	json_object_set_new(o, "out", number(c->out));
	json_object_set_new(o, "carried", number(c->carried));
	json_object_set_new(o, "forecast", forecast_json(q, kind, clock));
	return o;
}

static json_t *
network_json(const struct quota *q, const struct budget_entry *e)
{
	json_t *o = json_pack(
	    "{s:s,s:b}", "name", e->name, "used_up", e->state != BUDGET_OPEN);

	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;

		json_object_set_new(o, quota_period_word(kind),
		    use_json(
			quota_network_limit(q, e->name, kind), &e->now[k]));
	}
	return o;
}

static json_t *
user_json(const struct quota *q, const struct budget_entry *e)
{
	json_t *o = json_pack(
	    "{s:s,s:b}", "name", e->name, "used_up", e->state != BUDGET_OPEN);

	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;

		json_object_set_new(o, quota_period_word(kind),
		    use_json(quota_user_limit(q, kind), &e->now[k]));
	}
	return o;
}

static json_t *
networks_json(struct quota *q)
{
	json_t *all = json_array();
	struct budget_entry *e = NULL;

	while ((e = budget_ledger_next_network(q->ledger, e)) != NULL)
		json_array_append_new(all, network_json(q, e));
	return all;
}

static int
by_use(const void *a, const void *b)
{
	const struct budget_entry *x = *(struct budget_entry *const *)a;
	const struct budget_entry *y = *(struct budget_entry *const *)b;
	const uint64_t m = budget_count_used(&x->now[BUDGET_MONTH]);
	const uint64_t n = budget_count_used(&y->now[BUDGET_MONTH]);

	if (m != n)
		return m < n ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* Those who used most. */
static json_t *
users_json(struct quota *q)
{
	const size_t count = budget_ledger_users(q->ledger);
	struct budget_entry **all = mem_try(count + 1, sizeof(*all));
	struct budget_entry *e = NULL;
	json_t *rows = json_array();
	size_t n = 0;

	if (all == NULL)
		return rows;
	while ((e = budget_ledger_next_user(q->ledger, e)) != NULL)
		all[n++] = e;
	qsort(all, n, sizeof(struct budget_entry *), by_use);
	for (size_t i = 0; i < n && i < QUOTA_USERS_SHOWN; i++)
		json_array_append_new(rows, user_json(q, all[i]));
	mem_free(all);
	return rows;
}

static json_t *
ledger_json(const struct quota *q)
{
	const int64_t pool = budget_host_granted(q->budget);

	return json_pack("{s:s+,s:o,s:o,s:o,s:o}", "path", q->conf->node.state,
	    "/ledger", "fault",
	    q->fault != 0 ? json_string(q->why) : json_null(), "ahead",
	    number(pool > 0 && quota_has_host_limit(q) ? (uint64_t)pool : 0),
	    "writes", number(q->writes), "failures", number(q->failures));
}

json_t *
quota_json(struct quota *q, const struct quota_clock *clock)
{
	json_t *periods = json_array();

	for (int k = 0; k < BUDGET_PERIODS; k++)
		json_array_append_new(
		    periods, period_json(q, (enum budget_period_kind)k, clock));
	return json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "state",
	    states[q->state], "reason",
	    consent_get(q->consent, CONSENT_QUOTA)->reason, "at_quota",
	    at_quota[q->conf->caps.at_quota], "time_zone",
	    q->conf->caps.time_zone, "periods", periods, "networks",
	    networks_json(q), "users", users_json(q), "users_total",
	    number(budget_ledger_users(q->ledger)), "ledger", ledger_json(q));
}

json_t *
quota_brief(struct quota *q)
{
	json_t *o = json_pack("{s:s,s:o}", "state", states[q->state], "fault",
	    q->fault != 0 ? json_string(q->why) : json_null());

	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;

		json_object_set_new(o, quota_period_word(kind),
		    use_json(quota_limit(q, kind),
			&budget_ledger_host(q->ledger)->now[k]));
	}
	return o;
}

/* ---- supernodectl report */

json_t *
quota_month_json(
    struct quota *q, bool is_before, const struct quota_clock *clock)
{
	const int32_t id = is_before
	    ? budget_ledger_before(q->ledger)
	    : budget_ledger_id(q->ledger, BUDGET_MONTH);
	const struct budget_period p =
	    budget_period_of(&q->calendar, BUDGET_MONTH, id);
	json_t *o = budget_ledger_month(q->ledger, is_before);

	if (o == NULL)
		return NULL;
	json_object_set_new(o, "begin", time_json(q, p.begin));
	json_object_set_new(o, "end", time_json(q, p.end));
	json_object_set_new(o, "complete", json_boolean(is_before));
	json_object_set_new(o, "written", time_json(q, clock->wall_s));
	json_object_set_new(o, "node", json_string(q->conf->node.name));
	json_object_set_new(o, "contact", json_string(q->conf->node.contact));
	json_object_set_new(
	    o, "quota", limit_json(quota_limit(q, BUDGET_MONTH)));
	return o;
}

static json_t *
kept_month(struct quota *q, int32_t id, const char *name, char *why)
{
	json_t *o = NULL;
	const int rc =
	    q->file == NULL ? ENOENT : budget_ledger_file_kept(q->file, id, &o);

	if (rc == ENOENT)
		snprintf(why, QUOTA_WHY_MAX, "no report of %s is kept", name);
	else if (rc == EBADMSG)
		snprintf(why, QUOTA_WHY_MAX,
		    "%s/ledger.%s: its checksum is wrong", q->conf->node.state,
		    name);
	else if (rc != 0)
		snprintf(why, QUOTA_WHY_MAX, "%s/ledger.%s: %s",
		    q->conf->node.state, name, code_text(rc));
	return o;
}

json_t *
quota_report(struct quota *q, const char *month,
    const struct quota_clock *clock, char why[QUOTA_WHY_MAX])
{
	int32_t id = budget_ledger_id(q->ledger, BUDGET_MONTH);
	json_t *o;

	if (month != NULL && !budget_period_month(&id, month)) {
		snprintf(why, QUOTA_WHY_MAX,
		    "\"%.20s\" is no month: write one like 2026-11", month);
		return NULL;
	}
	if (id != budget_ledger_id(q->ledger, BUDGET_MONTH) &&
	    !(id == budget_ledger_before(q->ledger) &&
		budget_ledger_is_to_keep(q->ledger)))
		return kept_month(q, id, month, why);
	o = quota_month_json(
	    q, id != budget_ledger_id(q->ledger, BUDGET_MONTH), clock);
	if (o == NULL)
		snprintf(why, QUOTA_WHY_MAX, "out of memory");
	return o;
}

/* ---- metrics, audit */

static void
family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP supernode_%s %s\n# TYPE supernode_%s %s\n", name,
	    help, name, type);
}

static void
put_use(const struct quota *q, FILE *out, bool is_limit)
{
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const enum budget_period_kind kind = (enum budget_period_kind)k;
		const uint64_t used =
		    budget_count_used(&budget_ledger_host(q->ledger)->now[k]);

		fprintf(out, "supernode_quota_%s_bytes{period=\"%s\"} ",
		    is_limit ? "limit" : "used", quota_period_word(kind));
		if (is_limit && quota_limit(q, kind) == 0)
			fputs("+Inf\n", out);
		else
			fprintf(out, "%" PRIu64 "\n",
			    is_limit ? quota_limit(q, kind) : used);
	}
}

void
quota_metrics(const struct quota *q, FILE *out)
{
	family(out, "quota_limit_bytes", "gauge",
	    "Quota of the host, +Inf without one.");
	put_use(q, out, true);
	family(out, "quota_used_bytes", "gauge",
	    "What of it is used in the period that runs.");
	put_use(q, out, false);
	family(out, "quota_used_up", "gauge", "1 when the quota is used up.");
	fprintf(out, "supernode_quota_used_up %d\n", q->is_spent);
	family(out, "quota_warning_percent", "gauge",
	    "The step that use has passed: 0, 80, 95 or 100.");
	for (int k = 0; k < BUDGET_PERIODS; k++)
		fprintf(out,
		    "supernode_quota_warning_percent{period=\"%s\"} %u\n",
		    quota_period_word((enum budget_period_kind)k),
		    budget_ledger_host(q->ledger)->warned[k]);
	family(out, "ledger_works", "gauge",
	    "0 while the ledger cannot be read or written.");
	fprintf(out, "supernode_ledger_works %d\n", q->fault == 0);
	family(out, "ledger_writes_total", "counter",
	    "Charges and states written.");
	fprintf(out, "supernode_ledger_writes_total %" PRIu64 "\n", q->writes);
	family(out, "ledger_failures_total", "counter",
	    "Of these, what the disk refused.");
	fprintf(
	    out, "supernode_ledger_failures_total %" PRIu64 "\n", q->failures);
	family(out, "ledger_recovered_total", "counter",
	    "Records that were damaged and counted as used.");
	fprintf(out, "supernode_ledger_recovered_total %u\n", q->recovered);
}

void
quota_note(
    const struct quota *q, enum budget_period_kind kind, unsigned percent)
{
	audit_event(q->audit, "quota",
	    json_pack("{s:s,s:i,s:I}", "period", quota_period_word(kind),
		"percent", (int)percent, "limit",
		(json_int_t)quota_limit(q, kind)));
}
