#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

enum { LINE_MAX_LEN = 256, TIME_MAX_LEN = 40 };

/* policy [refresh] */
int
ctl_policy_parse(json_t *args, int count, char **word)
{
	if (count == 0)
		return 0;
	if (count > 1 || strcmp(word[0], "refresh") != 0)
		return EINVAL;
	return json_object_set_new(args, "refresh", json_true()) == 0 ? 0
								      : ENOMEM;
}

static bool
is_true(const json_t *from, const char *key)
{
	return json_is_true(json_object_get(from, key));
}

static void
row(struct ctl_text_table *t, const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	ctl_text_cell(t, "");
	ctl_text_cell(t, name);
	ctl_text_cell(t, value);
}

static const char *
local_time(const json_t *from, const char *key, char out[TIME_MAX_LEN])
{
	const time_t at =
	    (time_t)json_integer_value(json_object_get(from, key));
	struct tm tm;

	if (at == 0 || localtime_r(&at, &tm) == NULL ||
	    strftime(out, TIME_MAX_LEN, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		out[0] = '\0';
	return out;
}

/* "no relaying", "at most 20Mbit/s, 100GB a month", "nothing" */
static const char *
limits(const json_t *word, char out[LINE_MAX_LEN])
{
	const char *rate = ctl_answer_string(word, "rate", "");
	const char *month = ctl_answer_string(word, "month", "");

	if (!is_true(word, "relay"))
		snprintf(out, LINE_MAX_LEN, "no relaying");
	else if (rate[0] == '\0' && month[0] == '\0')
		snprintf(out, LINE_MAX_LEN, "relaying, no limit");
	else
		snprintf(out, LINE_MAX_LEN, "at most %s%s%s%s", rate,
		    rate[0] != '\0' && month[0] != '\0' ? ", " : "", month,
		    month[0] != '\0' ? " a month" : "");
	return out;
}

static void
add_site(struct ctl_text_table *t, const json_t *s)
{
	char line[LINE_MAX_LEN], when[TIME_MAX_LEN];
	const bool is_heard =
	    json_integer_value(json_object_get(s, "heard")) != 0;

	ctl_text_cell(t, ctl_answer_string(s, "site", ""));
	ctl_text_cell(t, ctl_answer_string(s, "where", ""));
	if (!is_heard)
		ctl_text_cell(t, "not heard yet");
	else
		ctl_text_cell(
		    t, is_true(s, "found") ? limits(s, line) : "says nothing");
	row(t, "heard", local_time(s, "heard", when));
	row(t, "contact", ctl_answer_string(s, "contact", ""));
	row(t, "strict, for", ctl_answer_string(s, "fault", ""));
	row(t, "trouble", ctl_answer_string(s, "trouble", ""));
	row(t, "next",
	    is_true(s, "is_asking") ? "being asked now"
				    : local_time(s, "next", when));
}

void
ctl_policy_print(FILE *out, const json_t *p)
{
	struct ctl_text_table *t = ctl_text_table_new("lll");
	const json_t *effect = json_object_get(p, "effect");
	const json_t *sites = json_object_get(p, "sites");
	char line[LINE_MAX_LEN];
	const json_t *s;
	size_t i;

	json_array_foreach(sites, i, s) add_site(t, s);
	if (json_array_size(sites) == 0)
		fputs("no network is asked: policy.sites and policy.file "
		      "are not set\n",
		    out);
	ctl_text_table_print(t, out, "");
	ctl_text_table_free(t);
	fprintf(
	    out, "together: %s\n", limits(json_object_get(p, "word"), line));
	if (!is_true(effect, "relay"))
		fprintf(out, "effect: nothing is relayed (%s)\n",
		    ctl_answer_string(effect, "relay_reason", ""));
	else if (ctl_answer_string(effect, "rate", "")[0] != '\0')
		fprintf(out, "effect: relays, at most %s (%s)\n",
		    ctl_answer_string(effect, "rate", ""),
		    ctl_answer_string(effect, "rate_reason", ""));
	else
		fputs("effect: relays, no limit\n", out);
}
