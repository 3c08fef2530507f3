#include <errno.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

/* audit [key] */
int
ctl_audit_parse(json_t *args, int count, char **word)
{
	if (count == 0)
		return 0;
	if (count > 1 || strcmp(word[0], "key") != 0)
		return EINVAL;
	/* only says how the answer is printed; the server returns it */
	return json_object_set_new(args, "show", json_string("key")) == 0
	    ? 0
	    : ENOMEM;
}

static void
count_row(struct ctl_text_table *t, const char *name, const json_t *value)
{
	char text[CTL_TEXT_MAX];

	ctl_text_row(
	    t, name, ctl_text_count((uint64_t)json_integer_value(value), text));
}

void
ctl_audit_print(FILE *out, const json_t *a)
{
	const char *failing = ctl_answer_string(a, "failing", "");
	struct ctl_text_table *t;

	if (ctl_answer_string(a, "file", "")[0] == '\0') {
		fputs("no audit log: audit.file is not set\n", out);
		return;
	}
	if (strcmp(ctl_answer_string(a, "show", ""), "key") == 0) {
		fprintf(out, "%s\n", ctl_answer_string(a, "key", ""));
		return;
	}
	t = ctl_text_table_new("ll");
	ctl_text_row(t, "file", ctl_answer_string(a, "file", ""));
	ctl_text_row(t, "key", ctl_answer_string(a, "key", ""));
	count_row(t, "lines", json_object_get(a, "lines"));
	count_row(t, "signed up to line", json_object_get(a, "sealed"));
	count_row(t, "lines lost", json_object_get(a, "lost"));
	ctl_text_row(t, "state",
	    failing[0] == '\0' ? "written"
		: json_is_true(json_object_get(a, "stops_relaying"))
		? "FAILING, nothing is relayed"
		: "FAILING, lines are being lost");
	if (failing[0] != '\0')
		ctl_text_row(t, "because of", failing);
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
}
