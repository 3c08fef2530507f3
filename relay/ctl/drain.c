#include <errno.h>

#include "common/units.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

int
ctl_deadline_parse(json_t *args)
{
	const char *text = json_string_value(json_object_get(args, "deadline"));
	const char *why;
	uint64_t ms;

	if (text == NULL)
		return 0;
	if (units_time(&ms, text, &why) != 0) {
		fprintf(stderr, "supernodectl: --deadline %s %s\n", text, why);
		return EINVAL;
	}
	json_object_set_new(args, "deadline_ms", json_integer((json_int_t)ms));
	json_object_del(args, "deadline");
	return 0;
}

int
ctl_drain_parse(json_t *args, int count, char **word)
{
	(void)word;
	return count == 0 ? ctl_deadline_parse(args) : EINVAL;
}

void
ctl_drain_print(FILE *out, const json_t *answer)
{
	const json_int_t ms =
	    json_integer_value(json_object_get(answer, "left_ms"));
	char text[CTL_TEXT_MAX];

	if (!json_is_true(json_object_get(answer, "draining"))) {
		fputs("serves on, new allocations are taken again\n", out);
		return;
	}
	fprintf(out,
	    "draining: %" JSON_INTEGER_FORMAT
	    " allocations are left, ends in %s at most\n",
	    json_integer_value(json_object_get(answer, "allocations")),
	    ctl_text_time((ms + 999) / 1000, text));
}
