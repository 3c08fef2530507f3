#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

static void
bytes_cell(struct ctl_text_table *t, const json_t *from, const char *key)
{
	char text[CTL_TEXT_MAX];

	if (json_is_integer(json_object_get(from, key)))
		ctl_text_cell(
		    t, ctl_text_bytes(ctl_answer_number(from, key), text));
	else
		ctl_text_cell(t, "-");
}

static void
percent_cell(struct ctl_text_table *t, const json_t *from)
{
	const json_t *percent = json_object_get(from, "percent");
	char text[CTL_TEXT_MAX] = "-";

	if (json_is_number(percent))
		snprintf(
		    text, sizeof(text), "%.1f%%", json_number_value(percent));
	ctl_text_cell(t, text);
}

static void
use_cells(struct ctl_text_table *t, const json_t *use)
{
	bytes_cell(t, use, "used");
	bytes_cell(t, use, "limit");
	bytes_cell(t, use, "left");
	percent_cell(t, use);
}

static void
heads(struct ctl_text_table *t, const char *const *names)
{
	for (; *names != NULL; names++)
		ctl_text_cell(t, *names);
}

static void
print_periods(FILE *out, const json_t *answer)
{
	static const char *const names[] = { "HOST", "BEGAN", "ENDS", "USED",
		"QUOTA", "LEFT", "USED%", "FORECAST", NULL };
	struct ctl_text_table *t = ctl_text_table_new("lllrrrrl");
	const json_t *p;
	size_t i;

	heads(t, names);
	json_array_foreach(json_object_get(answer, "periods"), i, p)
	{
		ctl_text_cell(t, ctl_answer_string(p, "period", ""));
		ctl_text_cell(t, ctl_answer_string(p, "begin", ""));
		ctl_text_cell(t, ctl_answer_string(p, "end", ""));
		use_cells(t, p);
		ctl_text_cell(t,
		    ctl_answer_string(
			json_object_get(p, "forecast"), "text", ""));
	}
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
}

/* Networks or users: a line for the day and one for the month. */
static void
print_accounts(FILE *out, const json_t *all, const char *head)
{
	static const char *const periods[] = { "day", "month" };
	const char *const names[] = { head, "PERIOD", "USED", "QUOTA", "LEFT",
		"USED%", NULL };
	struct ctl_text_table *t;
	const json_t *a;
	size_t i;

	if (json_array_size(all) == 0)
		return;
	t = ctl_text_table_new("llrrrr");
	heads(t, names);
	json_array_foreach(all, i, a)
	{
		for (int k = 0; k < 2; k++) {
			ctl_text_cell(
			    t, k == 0 ? ctl_answer_string(a, "name", "") : "");
			ctl_text_cell(t, periods[k]);
			use_cells(t, json_object_get(a, periods[k]));
		}
	}
	fputc('\n', out);
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
}

static void
print_state(FILE *out, const json_t *answer)
{
	const char *fault = json_string_value(
	    json_object_get(json_object_get(answer, "ledger"), "fault"));
	const char *state = ctl_answer_string(answer, "state", "");

	if (strcmp(state, "used-up") == 0)
		fprintf(out, "USED UP (at-quota = %s): %s\n\n",
		    ctl_answer_string(answer, "at_quota", ""),
		    ctl_answer_string(answer, "reason", ""));
	if (fault != NULL)
		fprintf(out, "ALARM: %s%s\n\n", fault,
		    strcmp(state, "no-ledger") == 0 ? "; nothing is relayed"
						    : "");
}

void
ctl_quota_print(FILE *out, const json_t *answer)
{
	const json_t *users = json_object_get(answer, "users");

	print_state(out, answer);
	print_periods(out, answer);
	print_accounts(out, json_object_get(answer, "networks"), "NETWORK");
	print_accounts(out, users, "USER");
	if (json_array_size(users) < ctl_answer_number(answer, "users_total"))
		fprintf(out, "... %zu of %llu users shown\n",
		    json_array_size(users),
		    (unsigned long long)ctl_answer_number(
			answer, "users_total"));
}
