#include <errno.h>
#include <time.h>

#include "common/units.h"
#include "ctl/ctl.h"

/* The option --for of args: "1h" becomes for_ms. */
static int
parse_for(json_t *args)
{
	const char *text = json_string_value(json_object_get(args, "for"));
	const char *why;
	uint64_t ms;

	if (text == NULL)
		return 0;
	if (units_time(&ms, text, &why) != 0) {
		fprintf(stderr, "supernodectl: --for %s %s\n", text, why);
		return EINVAL;
	}
	json_object_set_new(args, "for_ms", json_integer((json_int_t)ms));
	json_object_del(args, "for");
	return 0;
}

int
ctl_kick_parse(json_t *args, int count, char **word)
{
	/* fails for what is no UTF-8 */
	if (count != 1 ||
	    json_object_set_new(args, "name", json_string(word[0])) != 0)
		return EINVAL;
	return parse_for(args);
}

static void
print_count(FILE *out, const json_t *n, const char *what)
{
	fprintf(out, "%" JSON_INTEGER_FORMAT " %s%s", json_integer_value(n),
	    what, json_integer_value(n) == 1 ? "" : "s");
}

void
ctl_kick_print(FILE *out, const json_t *answer)
{
	const json_t *until = json_object_get(answer, "until");
	const json_t *warning = json_object_get(answer, "warning");
	const time_t end = (time_t)json_integer_value(until);
	char text[64];
	struct tm tm;

	print_count(out, json_object_get(answer, "sessions"), "session");
	fputs(" and ", out);
	print_count(out, json_object_get(answer, "allocations"), "allocation");
	if (json_is_integer(until) && localtime_r(&end, &tm) != NULL) {
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm);
		fprintf(out, " ended; kept out until %s\n", text);
	} else {
		fputs(" ended; may come back\n", out);
	}
	if (json_is_string(warning))
		fprintf(out, "WARNING: %s\n", json_string_value(warning));
}
