#include "relay/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "common/build.h"
#include "relay/consent.h"
#include "relay/drain.h"

/* Error codes that show from the first scrape on (RFC 8656, section 19;
 * RFC 8489, section 14.8); others appear when they happen. */
static const int known_errors[] = { 400, 401, 403, 420, 437, 438, 440, 441, 442,
	443, 486, 508 };

static void
family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP supernode_%s %s\n# TYPE supernode_%s %s\n", name,
	    help, name, type);
}

/* A family with one value. */
static void
single(FILE *out, const char *name, const char *type, const char *help,
    uint64_t value)
{
	family(out, name, type, help);
	fprintf(out, "supernode_%s %" PRIu64 "\n", name, value);
}

static void
put_rate(FILE *out, const char *by, uint64_t bits)
{
	fprintf(out, "supernode_consent_rate_bytes_per_second{by=\"%s\"} ", by);
	if (bits == 0)
		fputs("+Inf\n", out);
	else
		fprintf(out, "%.17g\n", (double)bits / 8);
}

/* Whether it relays, how fast, and whose word that is. */
static void
put_consent(FILE *out, const struct metrics *m)
{
	const struct consent_effect *e = consent_effect(m->consent);

	single(out, "relay_on", "gauge",
	    "1 when new allocations are taken: nobody says no.", e->relay);
	family(out, "consent_refused", "gauge",
	    "1 for each who says no to relaying.");
	for (int i = 0; i < CONSENT_WHOS; i++)
		fprintf(out, "supernode_consent_refused{by=\"%s\"} %d\n",
		    consent_who_name((enum consent_who)i),
		    (e->refusing >> i & 1) != 0);
	family(out, "consent_rate_bytes_per_second", "gauge",
	    "Rate of each direction that each asks for, +Inf without a word.");
	for (int i = 0; i < CONSENT_WHOS; i++)
		put_rate(out, consent_who_name((enum consent_who)i),
		    consent_get(m->consent, (enum consent_who)i)->rate);
	family(out, "consent_decides_rate", "gauge",
	    "1 for the one whose rate is in force.");
	for (int i = 0; i < CONSENT_WHOS; i++)
		fprintf(out, "supernode_consent_decides_rate{by=\"%s\"} %d\n",
		    consent_who_name((enum consent_who)i),
		    e->rate != 0 && e->rate_by == (enum consent_who)i);
	single(out, "switch_alarm", "gauge",
	    "1 while the operator's switch is damaged or was not stored.",
	    m->switch_alarm);
	if (m->drain == NULL)
		return;
	family(out, "drain_seconds_left", "gauge",
	    "Until the deadline of the drain.");
	fprintf(out, "supernode_drain_seconds_left %.3f\n",
	    (double)m->drain->left_ms / 1000);
}

static void
put_server(FILE *out, const struct metrics *m)
{
	family(out, "build_info", "gauge", "Version and revision, always 1.");
	fprintf(out, "supernode_build_info{version=\"%s\",revision=\"%s\"} 1\n",
	    build_version, build_revision);
	family(out, "uptime_seconds", "gauge", "Time since the start.");
	fprintf(out, "supernode_uptime_seconds %.3f\n",
	    (double)m->uptime_ms / 1000);
	single(out, "workers", "gauge", "Worker threads.", m->workers);
	single(out, "draining", "gauge",
	    "1 while the server is on its way down.",
	    !m->is_serving || m->drain != NULL);
	single(out, "relay_enabled", "gauge", "1 when relay.enabled is true.",
	    m->relay_enabled);
	put_consent(out, m);
	single(out, "event_loop_turns_total", "counter",
	    "Turns of the workers' event loops.", m->sum->loop_turns);
	family(out, "config_reloads_total", "counter",
	    "Configurations asked to be loaded while running, by result.");
	fprintf(out,
	    "supernode_config_reloads_total{result=\"applied\"} %" PRIu64
	    "\nsupernode_config_reloads_total{result=\"refused\"} %" PRIu64
	    "\n",
	    m->reloads_done, m->reloads_failed);
}

static void
put_budget(FILE *out, const struct metrics *m)
{
	family(out, "budget_rate_bytes_per_second", "gauge",
	    "Cap of each direction that is in force, +Inf when unlimited.");
	if (m->rate_bits == 0)
		fputs("supernode_budget_rate_bytes_per_second"
		      "{scope=\"host\"} +Inf\n",
		    out);
	else
		fprintf(out,
		    "supernode_budget_rate_bytes_per_second"
		    "{scope=\"host\"} %.17g\n",
		    (double)m->rate_bits / 8);
	family(out, "budget_burst_bytes", "gauge",
	    "Bytes that may exceed the rate at once.");
	fprintf(out,
	    "supernode_budget_burst_bytes{scope=\"host\"} %" PRIu64 "\n",
	    m->burst_bytes);
	single(out, "turn_allocations_limit", "gauge",
	    "Allocations held at most (caps.allocations).", m->allocations_max);
}

static void
put_wire(FILE *out, const struct stats *sum, const char *unit)
{
	const bool is_bytes = strcmp(unit, "bytes") == 0;

	fprintf(out,
	    "# HELP supernode_wire_%s_total IP %s exchanged, headers "
	    "included, by direction and partner.\n"
	    "# TYPE supernode_wire_%s_total counter\n",
	    unit, is_bytes ? "bytes" : "packets", unit);
	for (int d = 0; d < STATS_DIRS; d++)
		for (int k = 0; k < STATS_KINDS; k++)
			fprintf(out,
			    "supernode_wire_%s_total{direction=\"%s\","
			    "kind=\"%s\"} %" PRIu64 "\n",
			    unit, stats_dir_label((enum stats_dir)d),
			    stats_kind_label((enum stats_kind)k),
			    is_bytes ? sum->wire_bytes[d][k]
				     : sum->wire_packets[d][k]);
}

static void
put_relayed(FILE *out, const struct stats *sum, const char *unit,
    enum stats_counter up, enum stats_counter down)
{
	fprintf(out,
	    "# HELP supernode_turn_relayed_%s_total Payload %s relayed: up is "
	    "client to peer, down peer to client.\n"
	    "# TYPE supernode_turn_relayed_%s_total counter\n"
	    "supernode_turn_relayed_%s_total{direction=\"up\"} %" PRIu64 "\n"
	    "supernode_turn_relayed_%s_total{direction=\"down\"} %" PRIu64 "\n",
	    unit, unit, unit, unit, sum->counter[up], unit, sum->counter[down]);
}

/* Those that have a family of their own above. */
static bool
is_relayed(enum stats_counter c)
{
	return c == STATS_RELAYED_UP_PACKETS || c == STATS_RELAYED_UP_BYTES ||
	    c == STATS_RELAYED_DOWN_PACKETS || c == STATS_RELAYED_DOWN_BYTES;
}

static void
put_counters(FILE *out, const struct stats *sum)
{
	put_wire(out, sum, "bytes");
	put_wire(out, sum, "packets");
	put_relayed(out, sum, "bytes", STATS_RELAYED_UP_BYTES,
	    STATS_RELAYED_DOWN_BYTES);
	put_relayed(out, sum, "packets", STATS_RELAYED_UP_PACKETS,
	    STATS_RELAYED_DOWN_PACKETS);
	for (int i = 0; i < STATS_COUNTER_COUNT; i++) {
		const enum stats_counter c = (enum stats_counter)i;

		if (!is_relayed(c))
			single(out, stats_counter_name(c),
			    stats_counter_type(c), stats_counter_help(c),
			    sum->counter[c]);
	}
}

static void
put_drops(FILE *out, const struct stats *sum)
{
	family(out, "drops_total", "counter",
	    "Packets and connections dropped or refused, by reason.");
	for (int i = 0; i < STATS_DROP_COUNT; i++)
		fprintf(out,
		    "supernode_drops_total{reason=\"%s\"} %" PRIu64 "\n",
		    stats_drop_label((enum stats_drop)i), sum->drop[i]);
	family(out, "auth_failures_total", "counter",
	    "Requests that did not authenticate, by reason.");
	for (int i = 0; i < STATS_AUTH_COUNT; i++)
		fprintf(out,
		    "supernode_auth_failures_total{reason=\"%s\"} %" PRIu64
		    "\n",
		    stats_auth_label((enum stats_auth)i), sum->auth[i]);
}

static bool
is_known(int code)
{
	for (size_t i = 0; i < sizeof(known_errors) / sizeof(int); i++)
		if (known_errors[i] == code)
			return true;
	return false;
}

static void
put_errors(FILE *out, const struct stats *sum)
{
	family(out, "turn_errors_total", "counter",
	    "STUN error answers sent, by code.");
	for (int i = 0; i < STATS_ERROR_COUNT; i++) {
		const int code = STATS_ERROR_MIN + i;

		if (sum->error[i] != 0 || is_known(code))
			fprintf(out,
			    "supernode_turn_errors_total{code=\"%d\"} %" PRIu64
			    "\n",
			    code, sum->error[i]);
	}
}

/* The names every Prometheus client library uses. */
static void
put_process(FILE *out, const struct metrics *m)
{
	const struct process *p = &m->process;

	fprintf(out,
	    "# HELP process_cpu_seconds_total User and system time.\n"
	    "# TYPE process_cpu_seconds_total counter\n"
	    "process_cpu_seconds_total %.6f\n"
	    "# HELP process_resident_memory_bytes Resident memory.\n"
	    "# TYPE process_resident_memory_bytes gauge\n"
	    "process_resident_memory_bytes %" PRIu64 "\n"
	    "# HELP process_virtual_memory_bytes Virtual memory.\n"
	    "# TYPE process_virtual_memory_bytes gauge\n"
	    "process_virtual_memory_bytes %" PRIu64 "\n"
	    "# HELP process_open_fds Open file descriptors.\n"
	    "# TYPE process_open_fds gauge\n"
	    "process_open_fds %" PRIu64 "\n"
	    "# HELP process_max_fds File descriptors allowed.\n"
	    "# TYPE process_max_fds gauge\n"
	    "process_max_fds %" PRIu64 "\n"
	    "# HELP process_start_time_seconds Start, since 1970.\n"
	    "# TYPE process_start_time_seconds gauge\n"
	    "process_start_time_seconds %" PRId64 "\n",
	    p->cpu_s, p->resident_bytes, p->virtual_bytes, p->open_fds,
	    p->max_fds, m->started_wall_s);
}

void
metrics_render(FILE *out, const struct metrics *m)
{
	put_server(out, m);
	put_budget(out, m);
	put_counters(out, m->sum);
	put_drops(out, m->sum);
	put_errors(out, m->sum);
	put_process(out, m);
}
