#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

/* nodes [LIMIT] */
int
ctl_nodes_parse(json_t *args, int count, char **word)
{
	return ctl_allocations_parse(args, count, word);
}

static void
add_count(struct ctl_text_table *t, const json_t *row, const char *key)
{
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, ctl_text_count(ctl_answer_number(row, key), text));
}

static void
add_flow(struct ctl_text_table *t, const json_t *row, const char *key)
{
	const json_t *flow = json_object_get(row, key);
	char text[CTL_TEXT_MAX];

	add_count(t, flow, "messages");
	ctl_text_cell(
	    t, ctl_text_bytes(ctl_answer_number(flow, "bytes"), text));
}

static void
add_age(struct ctl_text_table *t, const json_t *row)
{
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t,
	    ctl_text_time(
		(int64_t)ctl_answer_number(row, "age_ms") / 1000, text));
}

static void
add_session(struct ctl_text_table *t, const json_t *row)
{
	ctl_text_cell(t, ctl_answer_string(row, "name", "-"));
	ctl_text_cell(t, ctl_answer_string(row, "session", "-"));
	ctl_text_cell(t,
	    json_is_true(json_object_get(row, "detached"))
		? "gone"
		: ctl_answer_string(row, "transport", "-"));
	ctl_text_cell(t, ctl_answer_string(row, "client", "-"));
	ctl_text_cell(t, ctl_answer_string(row, "dialect", "-"));
	add_count(t, row, "watches");
	add_age(t, row);
	add_flow(t, row, "in");
	add_flow(t, row, "out");
}

static void
print_sessions(FILE *out, const json_t *rows)
{
	static const char *const heads[] = { "NAME", "SESSION", "VIA", "CLIENT",
		"DIALECT", "WATCHES", "AGE", "IN", "", "OUT", "" };
	struct ctl_text_table *t = ctl_text_table_new("lllllrrrrrr");
	const json_t *row;
	size_t i;

	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		ctl_text_cell(t, heads[i]);
	json_array_foreach(rows, i, row) add_session(t, row);
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
}

void
ctl_nodes_print(FILE *out, const json_t *answer)
{
	const json_t *rows = json_object_get(answer, "nodes");

	if (json_array_size(rows) == 0) {
		fputs("no nodes\n", out);
		return;
	}
	print_sessions(out, rows);
	if (json_is_true(json_object_get(answer, "truncated")))
		fprintf(out, "... %zu of %llu shown\n", json_array_size(rows),
		    (unsigned long long)ctl_answer_number(answer, "total"));
}

/* show NAME */
int
ctl_show_parse(json_t *args, int count, char **word)
{
	if (count != 1 || *word[0] == '\0')
		return EINVAL;
	/* fails for what is no UTF-8 */
	return json_object_set_new(args, "name", json_string(word[0])) == 0
	    ? 0
	    : EINVAL;
}

static void
add_allocation(struct ctl_text_table *t, const json_t *row)
{
	char text[CTL_TEXT_MAX];

	add_count(t, row, "id");
	ctl_text_cell(t, ctl_answer_string(row, "transport", "-"));
	ctl_text_cell(t, ctl_answer_string(row, "client", "-"));
	add_age(t, row);
	ctl_text_cell(
	    t, ctl_text_bytes(ctl_answer_number(row, "up_bytes"), text));
	ctl_text_cell(
	    t, ctl_text_bytes(ctl_answer_number(row, "down_bytes"), text));
}

static void
print_allocations(FILE *out, const json_t *rows)
{
	static const char *const heads[] = { "ALLOCATION", "VIA", "CLIENT",
		"AGE", "UP", "DOWN" };
	struct ctl_text_table *t = ctl_text_table_new("rllrrr");
	const json_t *row;
	size_t i;

	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		ctl_text_cell(t, heads[i]);
	json_array_foreach(rows, i, row) add_allocation(t, row);
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
}

static void
print_barred(FILE *out, const json_t *until)
{
	const time_t at = (time_t)json_integer_value(until);
	char text[32] = "";
	struct tm tm;

	if (!json_is_integer(until) || localtime_r(&at, &tm) == NULL)
		return;
	strftime(text, sizeof(text), "%F %T", &tm);
	fprintf(out, "kept out until %s\n", text);
}

void
ctl_show_print(FILE *out, const json_t *answer)
{
	const json_t *sessions = json_object_get(answer, "sessions");
	const json_t *allocations = json_object_get(answer, "allocations");

	print_barred(out, json_object_get(answer, "barred_until"));
	if (json_array_size(sessions) == 0)
		fputs("no sessions\n", out);
	else
		print_sessions(out, sessions);
	if (json_array_size(allocations) == 0)
		fputs("no allocations\n", out);
	else
		print_allocations(out, allocations);
}
