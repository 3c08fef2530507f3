#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/text.h"

int
ctl_relay_parse(json_t *args, int count, char **word)
{
	if (count != 1 ||
	    (strcmp(word[0], "on") != 0 && strcmp(word[0], "off") != 0))
		return EINVAL;
	json_object_set_new(
	    args, "relay", json_boolean(strcmp(word[0], "on") == 0));
	return ctl_deadline_parse(args);
}

static void
print_off(FILE *out, const json_t *answer)
{
	const json_int_t n =
	    json_integer_value(json_object_get(answer, "allocations"));
	const json_int_t ms =
	    json_integer_value(json_object_get(answer, "deadline_ms"));
	char text[CTL_TEXT_MAX];

	fputs("relaying is off until `supernodectl relay on`\n", out);
	if (n == 0)
		fputs("no allocation is left\n", out);
	else if (ms == 0)
		fprintf(
		    out, "%" JSON_INTEGER_FORMAT " allocations end now\n", n);
	else
		fprintf(out,
		    "%" JSON_INTEGER_FORMAT " allocations are left, for %s at "
		    "most\n",
		    n, ctl_text_time((ms + 999) / 1000, text));
}

void
ctl_relay_print(FILE *out, const json_t *answer)
{
	const char *alarm = json_string_value(json_object_get(answer, "alarm"));

	if (!json_is_true(json_object_get(answer, "operator")))
		print_off(out, answer);
	else if (json_is_true(json_object_get(answer, "relay")))
		fputs("relaying is on\n", out);
	else
		fprintf(out,
		    "the operator says on, but it stays off by %s: "
		    "%s\n",
		    json_string_value(json_object_get(answer, "by")),
		    json_string_value(json_object_get(answer, "reason")));
	if (alarm != NULL && *alarm != '\0')
		fprintf(out, "ALARM: %s\n", alarm);
}
