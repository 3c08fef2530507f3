#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

/* top [LIMIT] */
int
ctl_top_parse(json_t *args, int count, char **word)
{
	return ctl_allocations_parse(args, count, word);
}

static void
add_rate(struct ctl_text_table *t, const json_t *row, const char *key)
{
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, ctl_text_rate(ctl_answer_number(row, key), text));
}

void
ctl_top_print(FILE *out, const json_t *answer)
{
	static const char *const heads[] = { "NAME", "WITH", "CLIENT", "IN",
		"OUT" };
	const json_t *rows = json_object_get(answer, "top");
	struct ctl_text_table *t;
	const json_t *row;
	size_t i;

	if (json_array_size(rows) == 0) {
		fputs("nobody moves anything\n", out);
		return;
	}
	t = ctl_text_table_new("lllrr");
	for (i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		ctl_text_cell(t, heads[i]);
	json_array_foreach(rows, i, row)
	{
		ctl_text_cell(t, ctl_answer_string(row, "name", "-"));
		ctl_text_cell(t, ctl_answer_string(row, "kind", "-"));
		ctl_text_cell(t, ctl_answer_string(row, "client", "-"));
		add_rate(t, row, "in_bit_s");
		add_rate(t, row, "out_bit_s");
	}
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
}
