#include <stdbool.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

enum { LINE_MAX_LEN = 256 };

static void
add_listeners(struct ctl_text_table *t, const json_t *listeners)
{
	const char *name = "listens";
	char line[LINE_MAX_LEN];
	const json_t *l;
	size_t i;

	json_array_foreach(listeners, i, l)
	{
		snprintf(line, sizeof(line), "%-4s  %s",
		    ctl_answer_string(l, "transport", "?"),
		    ctl_answer_string(l, "address", "?"));
		ctl_text_row(t, name, line);
		name = "";
	}
}

static void
add_relay(struct ctl_text_table *t, const json_t *relay)
{
	const json_t *addresses = json_object_get(relay, "addresses");
	char line[LINE_MAX_LEN];
	const json_t *a;
	size_t i;
	int at;

	at = snprintf(line, sizeof(line), "%s, ports %s of",
	    json_is_true(json_object_get(relay, "on")) ? "on" : "OFF",
	    ctl_answer_string(relay, "ports", "?"));
	json_array_foreach(addresses, i, a)
	{
		if (at < (int)sizeof(line))
			at += snprintf(line + at, sizeof(line) - (size_t)at,
			    "%s %s", i > 0 ? "," : "", json_string_value(a));
	}
	ctl_text_row(t, "relay", line);
}

/* Who says no, and what goes on until when. */
static void
add_refusal(struct ctl_text_table *t, const json_t *relay)
{
	const json_t *operator= json_object_get(relay, "operator");
	const json_t *left = json_object_get(operator, "left_ms");
	const char *alarm =
	    json_string_value(json_object_get(operator, "alarm"));
	char line[LINE_MAX_LEN], time[CTL_TEXT_MAX];

	if (!json_is_true(json_object_get(relay, "on"))) {
		snprintf(line, sizeof(line), "off by %s: %s",
		    ctl_answer_string(relay, "by", "?"),
		    ctl_answer_string(relay, "reason", "?"));
		ctl_text_row(t, "", line);
	}
	if (json_is_integer(left)) {
		snprintf(line, sizeof(line), "allocations may stay for %s",
		    ctl_text_time(
			(json_integer_value(left) + 999) / 1000, time));
		ctl_text_row(t, "", line);
	}
	if (alarm != NULL && *alarm != '\0')
		ctl_text_row(t, "ALARM", alarm);
}

static void
add_drain(struct ctl_text_table *t, const json_t *drain)
{
	char line[LINE_MAX_LEN], n[CTL_TEXT_MAX], time[CTL_TEXT_MAX];

	if (!json_is_object(drain))
		return;
	snprintf(line, sizeof(line), "%s allocations left, ends in %s at most",
	    ctl_text_count(ctl_answer_number(drain, "allocations"), n),
	    ctl_text_time(
		(int64_t)(ctl_answer_number(drain, "left_ms") + 999) / 1000,
		time));
	ctl_text_row(t, "draining", line);
}

static void
add_effective_rate(struct ctl_text_table *t, const json_t *caps)
{
	char line[LINE_MAX_LEN];

	/* the file's own word is in the line above */
	if (strcmp(ctl_answer_string(caps, "effective_rate", "?"),
		ctl_answer_string(caps, "rate", "?")) == 0)
		return;
	snprintf(line, sizeof(line), "now %s each way by %s: %s",
	    ctl_answer_string(caps, "effective_rate", "?"),
	    ctl_answer_string(caps, "rate_by", "?"),
	    ctl_answer_string(caps, "rate_reason", "?"));
	ctl_text_row(t, "", line);
}

static void
add_caps(struct ctl_text_table *t, const json_t *caps)
{
	char burst[CTL_TEXT_MAX], n[CTL_TEXT_MAX], user[CTL_TEXT_MAX];
	char line[LINE_MAX_LEN];

	if (json_is_null(json_object_get(caps, "rate_bit_s")))
		snprintf(line, sizeof(line), "rate unlimited");
	else
		snprintf(line, sizeof(line), "%s each way, burst %s",
		    ctl_answer_string(caps, "rate", "?"),
		    ctl_text_bytes(
			ctl_answer_number(caps, "burst_bytes"), burst));
	ctl_text_row(t, "caps", line);
	add_effective_rate(t, caps);
	snprintf(line, sizeof(line), "%s allocations, %s of one user",
	    ctl_text_count(ctl_answer_number(caps, "allocations"), n),
	    ctl_text_count(
		ctl_answer_number(caps, "allocations_per_user"), user));
	ctl_text_row(t, "", line);
}

/* A line for each quota of the host, and what is wrong with its ledger. */
static void
add_quota(struct ctl_text_table *t, const json_t *quota)
{
	static const char *const periods[] = { "day", "month" };
	const json_t *fault = json_object_get(quota, "fault");
	char used[CTL_TEXT_MAX], limit[CTL_TEXT_MAX], line[LINE_MAX_LEN];
	const char *name = "quota";

	for (int k = 0; k < 2; k++) {
		const json_t *p = json_object_get(quota, periods[k]);

		if (!json_is_integer(json_object_get(p, "limit")))
			continue;
		snprintf(line, sizeof(line), "%s of %s used this %s, %.1f%%%s",
		    ctl_text_bytes(ctl_answer_number(p, "used"), used),
		    ctl_text_bytes(ctl_answer_number(p, "limit"), limit),
		    periods[k],
		    json_number_value(json_object_get(p, "percent")),
		    ctl_answer_number(p, "left") == 0 ? ": USED UP" : "");
		ctl_text_row(t, name, line);
		name = "";
	}
	if (!json_is_string(fault))
		return;
	snprintf(line, sizeof(line), "ALARM: %s", json_string_value(fault));
	ctl_text_row(t, name, line);
}

static void
add_networks(struct ctl_text_table *t, const json_t *networks)
{
	char in[CTL_TEXT_MAX], out[CTL_TEXT_MAX], n[CTL_TEXT_MAX];
	char line[LINE_MAX_LEN];
	const json_t *network;
	size_t i;

	json_array_foreach(networks, i, network)
	{
		snprintf(line, sizeof(line),
		    "%.63s: %s in, %s out, %s packets dropped%s",
		    ctl_answer_string(network, "name", "?"),
		    ctl_text_bytes(ctl_answer_number(network, "in_bytes"), in),
		    ctl_text_bytes(
			ctl_answer_number(network, "out_bytes"), out),
		    ctl_text_count(ctl_answer_number(network, "dropped"), n),
		    strcmp(
			ctl_answer_string(network, "state", "?"), "barred") == 0
			? ": NOTHING IS RELAYED"
			: "");
		ctl_text_row(t, i == 0 ? "networks" : "", line);
	}
}

static void
add_schedule(struct ctl_text_table *t, const json_t *schedule)
{
	const json_t *open = json_object_get(schedule, "open");
	const json_t *changes = json_object_get(schedule, "changes");
	char line[LINE_MAX_LEN] = "no window is open";
	const json_t *name;
	int at = 0;
	size_t i;

	if (json_array_size(open) == 0 && !json_is_string(changes))
		return;
	json_array_foreach(open, i, name)
	{
		if (at < (int)sizeof(line))
			at += snprintf(line + at, sizeof(line) - (size_t)at,
			    "%s%s", i > 0 ? ", " : "", json_string_value(name));
	}
	ctl_text_row(t, "schedule", line);
	if (!json_is_string(changes))
		return;
	snprintf(line, sizeof(line), "until %s", json_string_value(changes));
	ctl_text_row(t, "", line);
}

static void
add_counts(struct ctl_text_table *t, const json_t *s)
{
	char a[CTL_TEXT_MAX], b[CTL_TEXT_MAX];
	char line[LINE_MAX_LEN];

	snprintf(line, sizeof(line), "%s now, %s since the start",
	    ctl_text_count(ctl_answer_number(s, "allocations"), a),
	    ctl_text_count(ctl_answer_number(s, "allocations_total"), b));
	ctl_text_row(t, "allocations", line);
	snprintf(line, sizeof(line), "%s TCP and TLS, %s DTLS",
	    ctl_text_count(ctl_answer_number(s, "connections"), a),
	    ctl_text_count(ctl_answer_number(s, "dtls_associations"), b));
	ctl_text_row(t, "sessions", line);
	if (ctl_answer_number(s, "receive_buffer_drops") == 0)
		return;
	snprintf(line, sizeof(line), "%s datagrams, the receive buffer full",
	    ctl_text_count(ctl_answer_number(s, "receive_buffer_drops"), a));
	ctl_text_row(t, "kernel dropped", line);
}

static void
add_signalling(struct ctl_text_table *t, const json_t *s)
{
	char a[CTL_TEXT_MAX], b[CTL_TEXT_MAX];
	char line[LINE_MAX_LEN];

	s = json_object_get(s, "signalling");
	if (!json_is_true(json_object_get(s, "enabled")))
		return;
	snprintf(line, sizeof(line), "%s names, %s sessions",
	    ctl_text_count(ctl_answer_number(s, "names"), a),
	    ctl_text_count(ctl_answer_number(s, "sessions"), b));
	ctl_text_row(t, "nodes", line);
}

static void
add_issuer(struct ctl_text_table *t, const json_t *issuer)
{
	const json_t *age = json_object_get(issuer, "age_s");
	const char *fault = ctl_answer_string(issuer, "fault", "");
	char a[CTL_TEXT_MAX], b[CTL_TEXT_MAX];
	char line[LINE_MAX_LEN];
	int n;

	if (json_is_integer(age))
		n = snprintf(line, sizeof(line), "%.63s: %s keys, %s old",
		    ctl_answer_string(issuer, "name", "?"),
		    ctl_text_count(ctl_answer_number(issuer, "keys"), a),
		    ctl_text_time(json_integer_value(age), b));
	else
		n = snprintf(line, sizeof(line), "%.63s: NO KEYS",
		    ctl_answer_string(issuer, "name", "?"));
	if (*fault != '\0' && n < (int)sizeof(line))
		snprintf(line + n, sizeof(line) - (size_t)n, "; FAILS: %.120s",
		    fault);
	ctl_text_row(t, "issuer", line);
}

/* Who may sign tokens, and how many names are kept out. */
static void
add_names(struct ctl_text_table *t, const json_t *s)
{
	const size_t barred = json_array_size(json_object_get(s, "barred"));
	const json_t *issuer;
	char text[CTL_TEXT_MAX], line[LINE_MAX_LEN];
	size_t i;

	json_array_foreach(json_object_get(s, "issuers"), i, issuer)
	{
		add_issuer(t, issuer);
	}
	if (barred == 0)
		return;
	snprintf(line, sizeof(line), "%s names (kick --for)",
	    ctl_text_count(barred, text));
	ctl_text_row(t, "kept out", line);
}

/* Only what an operator must know. */
static void
add_proof(struct ctl_text_table *t, const json_t *s)
{
	const json_t *audit = json_object_get(s, "audit");
	const json_t *policy = json_object_get(s, "policy");
	const json_t *failing = json_object_get(audit, "failing");
	const json_t *site, *fault;
	char line[LINE_MAX_LEN];
	size_t i;

	if (json_string_length(failing) > 0) {
		snprintf(line, sizeof(line), "lines are LOST: %s",
		    json_string_value(failing));
		ctl_text_row(t, "audit log", line);
	}
	json_array_foreach(json_object_get(policy, "sites"), i, site)
	{
		if ((fault = json_object_get(site, "fault")) == NULL)
			continue;
		snprintf(line, sizeof(line), "%.80s read strictly: %s",
		    ctl_answer_string(site, "site", "?"),
		    json_string_value(fault));
		ctl_text_row(t, "policy", line);
	}
}

static void
print_head(FILE *out, const json_t *s)
{
	struct ctl_text_table *t = ctl_text_table_new("ll");
	char text[CTL_TEXT_MAX];

	fprintf(out, "supernoded %s (%s) %s: %s\n",
	    ctl_answer_string(s, "version", "?"),
	    ctl_answer_string(s, "revision", "?"),
	    ctl_answer_string(s, "name", "?"),
	    ctl_answer_string(s, "state", "?"));
	ctl_text_row(t, "uptime",
	    ctl_text_time(
		(int64_t)json_number_value(json_object_get(s, "uptime_s")),
		text));
	ctl_text_row(t, "workers",
	    ctl_text_count(ctl_answer_number(s, "workers"), text));
	add_listeners(t, json_object_get(s, "listeners"));
	add_relay(t, json_object_get(s, "relay"));
	add_refusal(t, json_object_get(s, "relay"));
	add_drain(t, json_object_get(s, "drain"));
	add_caps(t, json_object_get(s, "caps"));
	add_networks(t, json_object_get(s, "networks"));
	add_quota(t, json_object_get(s, "quota"));
	add_schedule(t, json_object_get(s, "schedule"));
	add_proof(t, s);
	add_counts(t, s);
	add_signalling(t, s);
	add_names(t, s);
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

static void
add_flow(struct ctl_text_table *t, const char *name, const json_t *flow,
    uint64_t rate)
{
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, name);
	ctl_text_cell(
	    t, ctl_text_count(ctl_answer_number(flow, "packets"), text));
	ctl_text_cell(
	    t, ctl_text_bytes(ctl_answer_number(flow, "bytes"), text));
	ctl_text_cell(t, rate == UINT64_MAX ? "" : ctl_text_rate(rate, text));
}

static void
print_traffic(FILE *out, const json_t *s)
{
	struct ctl_text_table *t = ctl_text_table_new("lrrr");
	const json_t *wire = json_object_get(s, "wire");
	const json_t *relayed = json_object_get(s, "relayed");
	const json_t *rates = json_object_get(s, "rates");

	ctl_text_cell(t, "traffic");
	ctl_text_cell(t, "packets");
	ctl_text_cell(t, "bytes");
	ctl_text_cell(t, "now");
	add_flow(t, "in (wire)", json_object_get(wire, "in"),
	    ctl_answer_number(rates, "in_bit_s"));
	add_flow(t, "out (wire)", json_object_get(wire, "out"),
	    ctl_answer_number(rates, "out_bit_s"));
	add_flow(t, "relayed up", json_object_get(relayed, "up"), UINT64_MAX);
	add_flow(
	    t, "relayed down", json_object_get(relayed, "down"), UINT64_MAX);
	fputc('\n', out);
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

/* What is not zero of an object of counters; nothing when all are. */
static void
print_counters(FILE *out, const char *title, const json_t *counters)
{
	struct ctl_text_table *t = ctl_text_table_new("lr");
	char text[CTL_TEXT_MAX];
	bool is_empty = true;
	const json_t *value;
	const char *key;

	ctl_text_row(t, title, "");
	json_object_foreach((json_t *)counters, key, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		ctl_text_row(t, key,
		    ctl_text_count((uint64_t)json_integer_value(value), text));
		is_empty = false;
	}
	if (!is_empty) {
		fputc('\n', out);
		ctl_text_table_print(t, out, "  ");
	}
	ctl_text_table_free(t);
}

void
ctl_status_print(FILE *out, const json_t *s)
{
	print_head(out, s);
	print_traffic(out, s);
	print_counters(out, "drops by reason", json_object_get(s, "drops"));
	print_counters(out, "errors by code", json_object_get(s, "errors"));
	print_counters(
	    out, "not authenticated", json_object_get(s, "auth_failures"));
}
