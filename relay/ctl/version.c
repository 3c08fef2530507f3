#include "ctl/ctl.h"

void
ctl_version_print(FILE *out, const json_t *answer)
{
	const char *version =
	    json_string_value(json_object_get(answer, "version"));
	const char *revision =
	    json_string_value(json_object_get(answer, "revision"));

	fprintf(out, "supernoded %s (%s)\n", version != NULL ? version : "?",
	    revision != NULL ? revision : "?");
}
