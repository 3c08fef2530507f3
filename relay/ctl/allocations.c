#include <errno.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/text.h"

/* allocations [LIMIT] */
int
ctl_allocations_parse(json_t *args, int count, char **word)
{
	char *end;
	long n;

	if (count == 0)
		return 0;
	errno = 0;
	n = strtol(word[0], &end, 10);
	if (count > 1 || *end != '\0' || end == word[0] || errno != 0 || n <= 0)
		return EINVAL;
	return json_object_set_new(args, "limit", json_integer(n)) == 0
	    ? 0
	    : ENOMEM;
}

static void
add_string(struct ctl_text_table *t, const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	ctl_text_cell(t, s != NULL && *s != '\0' ? s : "-");
}

static void
add_count(struct ctl_text_table *t, const json_t *row, const char *key)
{
	const json_t *n = json_object_get(row, key);
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, ctl_text_count((uint64_t)json_integer_value(n), text));
}

static void
add_time(struct ctl_text_table *t, const json_t *row, const char *key)
{
	const json_t *ms = json_object_get(row, key);
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, ctl_text_time(json_integer_value(ms) / 1000, text));
}

static void
add_bytes(struct ctl_text_table *t, const json_t *row, const char *key)
{
	const json_t *bytes =
	    json_object_get(json_object_get(row, key), "bytes");
	char text[CTL_TEXT_MAX];

	ctl_text_cell(
	    t, ctl_text_bytes((uint64_t)json_integer_value(bytes), text));
}

static void
add_row(struct ctl_text_table *t, const json_t *row)
{
	const json_t *relayed = json_object_get(row, "relayed");
	const char *first = json_string_value(json_array_get(relayed, 0));
	const char *second = json_string_value(json_array_get(relayed, 1));
	char both[160], id[CTL_TEXT_MAX];

	snprintf(both, sizeof(both), "%s%s%s", first != NULL ? first : "-",
	    second != NULL ? " " : "", second != NULL ? second : "");
	snprintf(id, sizeof(id), "%lld",
	    (long long)json_integer_value(json_object_get(row, "id")));
	ctl_text_cell(t, id);
	add_string(t, row, "user");
	add_string(t, row, "transport");
	add_string(t, row, "client");
	ctl_text_cell(t, both);
	add_count(t, row, "permissions");
	add_count(t, row, "channels");
	add_time(t, row, "age_ms");
	add_time(t, row, "expires_ms");
	add_bytes(t, row, "up");
	add_bytes(t, row, "down");
}

void
ctl_allocations_print(FILE *out, const json_t *answer)
{
	static const char *const heads[] = { "ID", "USER", "VIA", "CLIENT",
		"RELAYED", "PERMS", "CHANS", "AGE", "EXPIRES", "UP", "DOWN" };
	const json_t *rows = json_object_get(answer, "allocations");
	struct ctl_text_table *t;
	const json_t *row;
	size_t i;

	if (json_array_size(rows) == 0) {
		fputs("no allocations\n", out);
		return;
	}
	t = ctl_text_table_new("rllllrrrrrr");
	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		ctl_text_cell(t, heads[i]);
	json_array_foreach(rows, i, row) add_row(t, row);
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
	if (json_is_true(json_object_get(answer, "truncated")))
		fprintf(out, "... %zu of %lld shown\n", json_array_size(rows),
		    (long long)json_integer_value(
			json_object_get(answer, "total")));
}
