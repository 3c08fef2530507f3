#include "relay/verbs.h"

#include <stdio.h>
#include <string.h>

#include "common/build.h"
#include "relay/listing.h"
#include "relay/reload.h"
#include "relay/report.h"
#include "relay/server.h"

static void
run_status(void *arg, struct control_call *call, const json_t *args)
{
	(void)args;
	control_answer(call, report_status(arg));
}

/* args: {"limit":n} */
static void
run_allocations(void *arg, struct control_call *call, const json_t *args)
{
	const json_t *limit = json_object_get(args, "limit");
	json_int_t n = LISTING_ROWS_DEFAULT;

	if (limit != NULL)
		n = json_integer_value(limit);
	if (n <= 0 || n > LISTING_ROWS_DEFAULT)
		control_refuse(call, "limit is a number from 1 to 10000");
	else
		listing_begin(arg, call, (size_t)n);
}

static void
run_reload(void *arg, struct control_call *call, const json_t *args)
{
	char text[RELOAD_TEXT_MAX];
	json_t *changes;

	(void)args;
	if (reload_begin(arg, text) != 0) {
		control_refuse(call, text);
		return;
	}
	changes = json_array();
	for (const char *line = text; *line != '\0';) {
		const size_t len = strcspn(line, "\n");

		json_array_append_new(changes, json_stringn(line, len));
		line += len + (line[len] == '\n');
	}
	control_answer(call, json_pack("{s:o}", "changes", changes));
}

static void
run_version(void *arg, struct control_call *call, const json_t *args)
{
	(void)arg;
	(void)args;
	control_answer(call,
	    json_pack("{s:s,s:s}", "version", build_version, "revision",
		build_revision));
}

const struct control_verb verbs[] = {
	{ "status", false, run_status },
	{ "allocations", false, run_allocations },
	{ "reload", true, run_reload },
	{ "version", false, run_version },
	{ NULL, false, NULL },
};
