#include <errno.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

/* report [--month [YYYY-MM]] */
int
ctl_report_parse(json_t *args, int count, char **word)
{
	json_t *month = json_object_get(args, "month");

	if (count > 1 || (count == 1 && json_is_string(month)))
		return EINVAL;
	if (count == 1)
		return json_object_set_new(
			   args, "month", json_string(word[0])) == 0
		    ? 0
		    : EINVAL;
	if (!json_is_string(month)) /* the one that runs */
		json_object_del(args, "month");
	return 0;
}

static void
count_cell(struct ctl_text_table *t, const json_t *row, const char *key)
{
	const json_t *n = json_object_get(row, key);
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, ctl_text_count((uint64_t)json_integer_value(n), text));
}

static void
add_row(struct ctl_text_table *t, const char *name, const json_t *row)
{
	ctl_text_cell(t, name);
	count_cell(t, row, "in");
	count_cell(t, row, "out");
	count_cell(t, row, "bytes");
}

static struct ctl_text_table *
new_table(const char *head)
{
	struct ctl_text_table *t = ctl_text_table_new("lrrr");

	ctl_text_cell(t, head);
	ctl_text_cell(t, "BYTES IN");
	ctl_text_cell(t, "BYTES OUT");
	ctl_text_cell(t, "BYTES");
	return t;
}

static void
print_head(FILE *out, const json_t *r)
{
	const char *contact = json_string_value(json_object_get(r, "contact"));

	fprintf(out, "Traffic relayed by %s in %s\n",
	    ctl_answer_string(r, "node", "?"),
	    ctl_answer_string(r, "month", "?"));
	fprintf(out, "from %s\nto   %s\n", ctl_answer_string(r, "begin", "?"),
	    ctl_answer_string(r, "end", "?"));
	if (!json_is_true(json_object_get(r, "complete")))
		fprintf(out, "as of %s; the month is not over\n",
		    ctl_answer_string(r, "written", "?"));
	if (contact != NULL && *contact != '\0')
		fprintf(out, "contact: %s\n", contact);
}

static void
print_networks(FILE *out, const json_t *networks)
{
	struct ctl_text_table *t;
	const json_t *row;
	size_t i;

	if (json_array_size(networks) == 0)
		return;
	t = new_table("NETWORK");
	json_array_foreach(networks, i, row)
	    add_row(t, ctl_answer_string(row, "name", "?"), row);
	fputs("\nBy network (a packet between two counts to both)\n", out);
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

static void
print_users(FILE *out, const json_t *r)
{
	struct ctl_text_table *t = new_table("USER");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(r, "users"), i, row)
	    add_row(t, ctl_answer_string(row, "name", "?"), row);
	add_row(t, "(other users)", json_object_get(r, "others"));
	add_row(t, "(of no user)", json_object_get(r, "unattributed"));
	add_row(t, "total", json_object_get(r, "total"));
	fputs("\nBy user\n", out);
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

static void
print_quota(FILE *out, const json_t *r)
{
	const json_t *total = json_object_get(r, "total");
	const json_t *quota = json_object_get(r, "quota");
	const uint64_t carried =
	    (uint64_t)json_integer_value(json_object_get(total, "carried"));
	const uint64_t counted =
	    (uint64_t)json_integer_value(json_object_get(total, "counted"));
	char text[CTL_TEXT_MAX];

	fprintf(
	    out, "\nCounted to the quota: %s B", ctl_text_count(counted, text));
	if (carried > 0)
		fprintf(out, " and %s B held in reserve",
		    ctl_text_count(carried, text));
	if (json_is_integer(quota))
		fprintf(out, " of %s B",
		    ctl_text_count((uint64_t)json_integer_value(quota), text));
	fputs("\nBytes are those of IP packets, headers included.\n", out);
}

void
ctl_report_print(FILE *out, const json_t *answer)
{
	print_head(out, answer);
	print_networks(out, json_object_get(answer, "networks"));
	print_users(out, answer);
	print_quota(out, answer);
}
