#include "relay/stats.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	const char *label;
	const char *help;
} drops[] = {
#define DROP_ROW(id, label, help) [STATS_DROP_##id] = { label, help },
	STATS_DROPS(DROP_ROW)
};

static const char *const auths[] = {
#define AUTH_ROW(id, label) [STATS_AUTH_##id] = label,
	STATS_AUTHS(AUTH_ROW)
};

static const struct {
	const char *name;
	const char *type;
	const char *help;
} counters[] = {
#define COUNTER_ROW(id, name, type, help) [STATS_##id] = { name, type, help },
	STATS_COUNTERS(COUNTER_ROW)
};

static const char *const kinds[STATS_KINDS] = {
	[STATS_CLIENT_UDP] = "client_udp",
	[STATS_CLIENT_TCP] = "client_tcp",
	[STATS_CLIENT_TLS] = "client_tls",
	[STATS_CLIENT_DTLS] = "client_dtls",
	[STATS_PEER] = "peer",
	[STATS_CLIENT_HTTP] = "client_http",
	[STATS_CLIENT_SIGNALLING] = "client_signalling",
};

static const char *const dirs[STATS_DIRS] = {
	[STATS_IN] = "in",
	[STATS_OUT] = "out",
};

void
stats_error(struct stats *s, int code)
{
	const int at = code - STATS_ERROR_MIN;

	assert(at >= 0 && at < STATS_ERROR_COUNT);
	stats_add(&s->error[at], 1);
}

static void
sum_row(_Atomic uint64_t *sum, const _Atomic uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		stats_add(&sum[i],
		    atomic_load_explicit(&from[i], memory_order_relaxed));
}

void
stats_sum(struct stats *sum, const struct stats *from)
{
	for (int d = 0; d < STATS_DIRS; d++) {
		sum_row(sum->wire_bytes[d], from->wire_bytes[d], STATS_KINDS);
		sum_row(
		    sum->wire_packets[d], from->wire_packets[d], STATS_KINDS);
	}
	sum_row(sum->counter, from->counter, STATS_COUNTER_COUNT);
	sum_row(sum->drop, from->drop, STATS_DROP_COUNT);
	sum_row(sum->auth, from->auth, STATS_AUTH_COUNT);
	sum_row(sum->error, from->error, STATS_ERROR_COUNT);
	sum_row(&sum->loop_turns, &from->loop_turns, 1);
	memory_sum(&sum->memory, &from->memory);
}

const char *
stats_drop_label(enum stats_drop why)
{
	assert((unsigned)why < STATS_DROP_COUNT);
	return drops[why].label;
}

const char *
stats_drop_help(enum stats_drop why)
{
	assert((unsigned)why < STATS_DROP_COUNT);
	return drops[why].help;
}

const char *
stats_auth_label(enum stats_auth why)
{
	assert((unsigned)why < STATS_AUTH_COUNT);
	return auths[why];
}

const char *
stats_counter_name(enum stats_counter c)
{
	assert((unsigned)c < STATS_COUNTER_COUNT);
	return counters[c].name;
}

const char *
stats_counter_type(enum stats_counter c)
{
	assert((unsigned)c < STATS_COUNTER_COUNT);
	return counters[c].type;
}

const char *
stats_counter_help(enum stats_counter c)
{
	assert((unsigned)c < STATS_COUNTER_COUNT);
	return counters[c].help;
}

const char *
stats_kind_label(enum stats_kind kind)
{
	assert((unsigned)kind < STATS_KINDS);
	return kinds[kind];
}

const char *
stats_dir_label(enum stats_dir dir)
{
	assert((unsigned)dir < STATS_DIRS);
	return dirs[dir];
}
