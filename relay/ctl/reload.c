#include "ctl/ctl.h"

void
ctl_reload_print(FILE *out, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes");
	const json_t *line;
	size_t i;

	if (json_is_true(json_object_get(answer, "queued")))
		fputs("a reload is under way, another follows\n", out);
	else if (json_array_size(changes) == 0)
		fputs("reloaded, nothing changed\n", out);
	json_array_foreach(changes, i, line)
	    fprintf(out, "%s\n", json_string_value(line));
}
