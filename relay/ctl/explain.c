#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

enum { LINE_MAX_LEN = 256 };

/* explain ALLOCATION|USER|ADDRESS */
int
ctl_explain_parse(json_t *args, int count, char **word)
{
	json_t *what;

	if (count != 1 || (what = json_string(word[0])) == NULL)
		return EINVAL;
	return json_object_set_new(args, "what", what) == 0 ? 0 : ENOMEM;
}

static void
add_count(struct ctl_text_table *t, uint64_t n)
{
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, ctl_text_count(n, text));
}

static void
print_allocation(FILE *out, const json_t *a)
{
	struct ctl_text_table *t = ctl_text_table_new("lrl");
	const json_t *drops = json_object_get(a, "drops");
	char line[LINE_MAX_LEN];
	const json_t *d;
	size_t i;

	ctl_text_cell(t, "passed up");
	add_count(t, ctl_answer_number(a, "up_packets"));
	ctl_text_cell(t, "from client to peer");
	ctl_text_cell(t, "passed down");
	add_count(t, ctl_answer_number(a, "down_packets"));
	ctl_text_cell(t, "from peer to client");
	json_array_foreach(drops, i, d)
	{
		ctl_text_cell(t, ctl_answer_string(d, "reason", ""));
		add_count(t, ctl_answer_number(d, "packets"));
		ctl_text_cell(t, ctl_answer_string(d, "meaning", ""));
	}
	snprintf(line, sizeof(line), "allocation %llu of %.100s, %s over %s",
	    (unsigned long long)ctl_answer_number(a, "id"),
	    ctl_answer_string(a, "user", ""),
	    ctl_answer_string(a, "client", ""),
	    ctl_answer_string(a, "transport", ""));
	/* a name from outside: control characters do not pass the table */
	{
		struct ctl_text_table *head = ctl_text_table_new("l");

		ctl_text_cell(head, line);
		ctl_text_table_print(head, out, "");
		ctl_text_table_free(head);
	}
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
	if (ctl_answer_number(a, "dropped") == 0)
		fputs("  nothing was dropped\n", out);
}

static void
print_refusals(FILE *out, const json_t *refusals)
{
	struct ctl_text_table *t = ctl_text_table_new("rlllll");
	char text[CTL_TEXT_MAX], line[LINE_MAX_LEN];
	const json_t *r;
	size_t i;

	json_array_foreach(refusals, i, r)
	{
		const char *reason = ctl_answer_string(r, "reason", "");

		snprintf(line, sizeof(line), "%s ago",
		    ctl_text_time(
			(int64_t)json_number_value(json_object_get(r, "age_s")),
			text));
		ctl_text_cell(t, line);
		ctl_text_cell(t, ctl_answer_string(r, "client", ""));
		snprintf(line, sizeof(line), "%.100s%s",
		    ctl_answer_string(r, "user", ""),
		    json_is_true(json_object_get(r, "is_proved")) ||
			    ctl_answer_string(r, "user", "")[0] == '\0'
			? ""
			: " (unproved)");
		ctl_text_cell(t, line);
		ctl_text_cell(t, ctl_answer_string(r, "request", ""));
		snprintf(line, sizeof(line), "%llu %s%s%s%s",
		    (unsigned long long)ctl_answer_number(r, "code"),
		    ctl_answer_string(r, "meaning", ""),
		    reason[0] != '\0' ? " (" : "", reason,
		    reason[0] != '\0' ? ")" : "");
		ctl_text_cell(t, line);
		snprintf(line, sizeof(line), "%s times",
		    ctl_text_count(ctl_answer_number(r, "times"), text));
		ctl_text_cell(
		    t, ctl_answer_number(r, "times") > 1 ? line : "once");
	}
	fputs("refused lately\n", out);
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

static void
print_account(FILE *out, const json_t *a)
{
	const char *state = ctl_answer_string(a, "state", "");
	char text[CTL_TEXT_MAX];

	if (!json_is_object(a))
		return;
	if (strcmp(state, "barred") == 0)
		fputs("this user is barred: a quota is used up\n", out);
	else if (strcmp(state, "trickle") == 0)
		fputs("this user trickles: a quota is used up\n", out);
	if (ctl_answer_number(a, "dropped") > 0)
		fprintf(out, "%s packets of this user went over a cap\n",
		    ctl_text_count(ctl_answer_number(a, "dropped"), text));
	if (ctl_answer_number(a, "rate_bit_s") > 0)
		fprintf(out, "this user may %s each way\n",
		    ctl_text_rate(ctl_answer_number(a, "rate_bit_s"), text));
	if (ctl_answer_number(a, "share_bit_s") > 0)
		fprintf(out, "the cap binds: each user's share is %s\n",
		    ctl_text_rate(ctl_answer_number(a, "share_bit_s"), text));
}

static void
print_host(FILE *out, const json_t *e)
{
	const json_t *host = json_object_get(e, "host");

	if (ctl_answer_string(e, "as_peer", "")[0] != '\0')
		fprintf(out, "as a peer: %s\n",
		    ctl_answer_string(e, "as_peer", ""));
	if (!json_is_true(json_object_get(host, "relay")))
		fprintf(out, "this host relays nothing now: %s\n",
		    ctl_answer_string(host, "relay_reason", ""));
	else if (ctl_answer_string(host, "rate_reason", "")[0] != '\0')
		fprintf(out, "this host relays at most %s: %s\n",
		    ctl_answer_string(host, "rate", ""),
		    ctl_answer_string(host, "rate_reason", ""));
}

void
ctl_explain_print(FILE *out, const json_t *e)
{
	const json_t *rows = json_object_get(e, "allocations");
	const json_t *refusals = json_object_get(e, "refusals");
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) print_allocation(out, row);
	if (json_array_size(refusals) > 0)
		print_refusals(out, refusals);
	if (json_array_size(rows) == 0 && json_array_size(refusals) == 0)
		fputs("no allocation, and nothing refused lately\n", out);
	if (json_is_true(json_object_get(e, "truncated")))
		fputs("there is more than is shown\n", out);
	print_account(out, json_object_get(e, "account"));
	print_host(out, e);
}
