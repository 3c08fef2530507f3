#include "relay/status.h"

#include <stdio.h>

#include "common/build.h"
#include "common/units.h"
#include "net/net.h"
#include "relay/consent.h"
#include "relay/drain.h"
#include "relay/opt_out.h"
#include "relay/snapshot.h"

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
flow(uint64_t packets, uint64_t bytes)
{
	return json_pack(
	    "{s:o,s:o}", "packets", number(packets), "bytes", number(bytes));
}

static json_t *
listeners_json(const struct net_listeners *l)
{
	json_t *all = json_array();
	char text[ADDR_TEXT_MAX];
	enum net_transport transport;
	struct addr at;

	for (size_t i = 0; l != NULL && net_listeners_at(l, i, &transport, &at);
	     i++)
		json_array_append_new(all,
		    json_pack("{s:s,s:s}", "transport",
			net_transport_name(transport), "address",
			addr_format(&at, text)));
	return all;
}

static json_t *
operator_json(const struct opt_out_view *v)
{
	if (v == NULL)
		return json_null();
	return json_pack("{s:b,s:I,s:I,s:s,s:o,s:s}", "relay", v->word.relay,
	    "since", (json_int_t)v->word.since_s, "uid",
	    (json_int_t)v->word.uid, "reason", v->word.reason, "left_ms",
	    v->left_ms < 0 ? json_null() : number((uint64_t)v->left_ms),
	    "alarm", v->alarm);
}

static json_t *
drain_json(const struct drain_view *v)
{
	if (v == NULL)
		return json_null();
	return json_pack("{s:o,s:I,s:I,s:I}", "allocations",
	    number(v->allocations), "left_ms", (json_int_t)v->left_ms, "ends",
	    (json_int_t)v->ends_s, "uid", (json_int_t)v->uid);
}

static json_t *
relay_json(const struct status *st)
{
	const struct consent_effect *e = consent_effect(st->consent);
	const struct snapshot *conf = st->conf;
	json_t *addresses = json_array();
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < conf->relay.addresses.count; i++)
		json_array_append_new(addresses,
		    json_string(
			addr_format_host(&conf->relay.addresses.at[i], text)));
	snprintf(text, sizeof(text), "%u-%u", conf->relay.port_min,
	    conf->relay.port_max);
	return json_pack("{s:b,s:b,s:s?,s:s,s:o,s:o,s:s}", "enabled",
	    conf->relay.enabled, "on", e->relay, "by",
	    e->relay ? NULL : consent_who_name(e->relay_by), "reason",
	    e->relay_reason, "operator", operator_json(st->opt_out),
	    "addresses", addresses, "ports", text);
}

static json_t *
rate_json(uint64_t rate)
{
	return rate == 0 ? json_null() : number(rate);
}

static const char *
rate_text(uint64_t rate, char text[UNITS_TEXT_MAX])
{
	return rate == 0 ? "unlimited" : units_format_rate(rate, text);
}

static json_t *
caps_json(const struct status *st)
{
	char text[UNITS_TEXT_MAX], now[UNITS_TEXT_MAX];
	const struct consent_effect *e = consent_effect(st->consent);
	const struct snapshot *conf = st->conf;
	const uint64_t rate = conf->caps.rate;

	return json_pack("{s:s,s:o,s:s,s:o,s:s?,s:s,s:o,s:i,s:i}", "rate",
	    rate_text(rate, text), "rate_bit_s", rate_json(rate),
	    "effective_rate", rate_text(e->rate, now), "effective_rate_bit_s",
	    rate_json(e->rate), "rate_by",
	    e->rate == 0 ? NULL : consent_who_name(e->rate_by), "rate_reason",
	    e->rate_reason, "burst_bytes", number(conf->caps.burst),
	    "allocations", (int)conf->caps.allocations, "allocations_per_user",
	    (int)conf->caps.allocations_per_user);
}

static json_t *
wire_json(const struct stats *sum, enum stats_dir d)
{
	json_t *by = json_object(), *whole;
	uint64_t packets = 0, bytes = 0;

	for (int k = 0; k < STATS_KINDS; k++) {
		packets += sum->wire_packets[d][k];
		bytes += sum->wire_bytes[d][k];
		json_object_set_new(by, stats_kind_label((enum stats_kind)k),
		    flow(sum->wire_packets[d][k], sum->wire_bytes[d][k]));
	}
	whole = flow(packets, bytes);
	json_object_set_new(whole, "by", by);
	return whole;
}

static void
add_counters(json_t *all, const struct stats *sum)
{
	static const struct {
		const char *key;
		enum stats_counter counter;
	} rows[] = {
		{ "allocations", STATS_ALLOCATIONS },
		{ "allocations_total", STATS_ALLOCATIONS_TOTAL },
		{ "permissions", STATS_PERMISSIONS },
		{ "channels", STATS_CHANNELS },
		{ "connections", STATS_CONNECTIONS },
		{ "connections_total", STATS_CONNECTIONS_TOTAL },
		{ "stream_ends", STATS_STREAM_ENDS },
		{ "streams_total", STATS_STREAMS_TOTAL },
		{ "dtls_associations", STATS_DTLS_ASSOCIATIONS },
		{ "requests", STATS_REQUESTS },
		{ "bindings", STATS_BINDINGS },
		{ "hairpin_packets", STATS_HAIRPIN_PACKETS },
		{ "receive_buffer_drops", STATS_RCVBUF_DROPS },
		{ "receive_calls", STATS_SYSCALLS_RECV },
		{ "send_calls", STATS_SYSCALLS_SEND },
		{ "io_uring_workers", STATS_URING_WORKERS },
		{ "segments_sent", STATS_SEGMENTS_SENT },
		{ "segments_received", STATS_SEGMENTS_RECEIVED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		json_object_set_new(
		    all, rows[i].key, number(sum->counter[rows[i].counter]));
}

static json_t *
relayed_json(const struct stats *sum)
{
	return json_pack("{s:o,s:o}", "up",
	    flow(sum->counter[STATS_RELAYED_UP_PACKETS],
		sum->counter[STATS_RELAYED_UP_BYTES]),
	    "down",
	    flow(sum->counter[STATS_RELAYED_DOWN_PACKETS],
		sum->counter[STATS_RELAYED_DOWN_BYTES]));
}

static json_t *
drops_json(const struct stats *sum)
{
	json_t *all = json_object();

	for (int i = 0; i < STATS_DROP_COUNT; i++)
		json_object_set_new(all, stats_drop_label((enum stats_drop)i),
		    number(sum->drop[i]));
	return all;
}

static json_t *
auth_json(const struct stats *sum)
{
	json_t *all = json_object();

	for (int i = 0; i < STATS_AUTH_COUNT; i++)
		json_object_set_new(all, stats_auth_label((enum stats_auth)i),
		    number(sum->auth[i]));
	return all;
}

static json_t *
errors_json(const struct stats *sum)
{
	json_t *all = json_object();
	char code[8];

	for (int i = 0; i < STATS_ERROR_COUNT; i++) {
		if (sum->error[i] == 0)
			continue;
		snprintf(code, sizeof(code), "%d", STATS_ERROR_MIN + i);
		json_object_set_new(all, code, number(sum->error[i]));
	}
	return all;
}

static json_t *
rates_json(const struct rate_view *v)
{
	const struct rate_totals *p = &v->per_second;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "window_ms",
	    number((uint64_t)v->window_ms), "in_bit_s",
	    number(p->bytes[STATS_IN] * 8), "out_bit_s",
	    number(p->bytes[STATS_OUT] * 8), "in_packets_s",
	    number(p->packets[STATS_IN]), "out_packets_s",
	    number(p->packets[STATS_OUT]), "relayed_packets_s",
	    number(p->relayed_packets));
}

static json_t *
process_json(const struct process *p)
{
	return json_pack("{s:f,s:o,s:o}", "cpu_s", p->cpu_s, "resident_bytes",
	    number(p->resident_bytes), "open_fds", number(p->open_fds));
}

static const char *
state_name(const struct status *st)
{
	if (!st->is_serving)
		return "ending";
	if (st->drain != NULL)
		return "draining";
	return st->is_reloading ? "reloading" : "serving";
}

static json_t *
head_json(const struct status *st)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:f,s:i}", "version",
	    build_version, "revision", build_revision, "name",
	    st->conf->node.name, "realm", st->conf->node.realm, "state",
	    state_name(st), "started", number((uint64_t)st->started_wall_s),
	    "uptime_s", (double)st->uptime_ms / 1000, "workers",
	    (int)st->workers);
}

json_t *
status_json(const struct status *st)
{
	const struct stats *sum = st->sum;
	json_t *all = head_json(st);

	if (all == NULL)
		return NULL;
	json_object_set_new(all, "listeners", listeners_json(st->listeners));
	json_object_set_new(all, "relay", relay_json(st));
	json_object_set_new(all, "caps", caps_json(st));
	json_object_set_new(all, "drain", drain_json(st->drain));
	add_counters(all, sum);
	json_object_set_new(all, "relayed", relayed_json(sum));
	json_object_set_new(all, "wire",
	    json_pack("{s:o,s:o}", "in", wire_json(sum, STATS_IN), "out",
		wire_json(sum, STATS_OUT)));
	json_object_set_new(all, "rates", rates_json(&st->rate));
	json_object_set_new(all, "drops", drops_json(sum));
	json_object_set_new(all, "errors", errors_json(sum));
	json_object_set_new(all, "auth_failures", auth_json(sum));
	json_object_set_new(all, "process", process_json(st->process));
	json_object_set_new(all, "memory", memory_json(&sum->memory, st->heap));
	return all;
}
