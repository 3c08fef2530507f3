#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

enum { LINE_MAX_LEN = 256 };

int
ctl_caps_parse(json_t *args, int count, char **word)
{
	static const char section[] = "caps.";
	const char *key;

	if (count == 0)
		return 0;
	if (count != 2)
		return EINVAL;
	key = word[0];
	if (strncmp(key, section, strlen(section)) == 0)
		key += strlen(section);
	/* what is no UTF-8 is no string for json */
	if (json_object_set_new(args, "key", json_string(key)) < 0 ||
	    json_object_set_new(args, "value", json_string(word[1])) < 0)
		return EINVAL;
	return 0;
}

/* null: unlimited */
static const char *
rate(const json_t *from, const char *key, char text[CTL_TEXT_MAX])
{
	const json_t *n = json_object_get(from, key);

	if (!json_is_integer(n))
		return "unlimited";
	return ctl_text_rate((uint64_t)json_integer_value(n), text);
}

/* ---- what holds */

static void
add_effective(struct ctl_text_table *t, const json_t *answer)
{
	const json_t *e = json_object_get(answer, "effective");
	char line[LINE_MAX_LEN], bits[CTL_TEXT_MAX], burst[CTL_TEXT_MAX];

	if (json_is_true(json_object_get(e, "relay")))
		snprintf(line, sizeof(line), "on");
	else
		snprintf(line, sizeof(line), "OFF by %s: %s",
		    ctl_answer_string(e, "relay_by", ""),
		    ctl_answer_string(e, "relay_reason", ""));
	ctl_text_row(t, "relaying", line);
	if (!json_is_integer(json_object_get(e, "rate_bit_s"))) {
		ctl_text_row(t, "rate", "unlimited");
		return;
	}
	snprintf(line, sizeof(line), "%s each way, burst %s, by %s: %s",
	    rate(e, "rate_bit_s", bits),
	    ctl_text_bytes(ctl_answer_number(answer, "burst_bytes"), burst),
	    ctl_answer_string(e, "rate_by", ""),
	    ctl_answer_string(e, "rate_reason", ""));
	ctl_text_row(t, "rate", line);
}

static void
add_direction(struct ctl_text_table *t, const json_t *answer, const char *name,
    const char *key)
{
	const json_t *use = json_object_get(answer, "use");
	const json_t *room = json_object_get(answer, "headroom");
	char line[LINE_MAX_LEN], used[CTL_TEXT_MAX], left[CTL_TEXT_MAX];

	if (json_is_integer(json_object_get(room, key)))
		snprintf(line, sizeof(line), "%s, %s left",
		    rate(use, key, used), rate(room, key, left));
	else
		snprintf(line, sizeof(line), "%s", rate(use, key, used));
	ctl_text_row(t, name, line);
}

static void
add_users(struct ctl_text_table *t, const json_t *u)
{
	char line[LINE_MAX_LEN], share[CTL_TEXT_MAX];
	int at;

	at = snprintf(line, sizeof(line),
	    "%" JSON_INTEGER_FORMAT ", %" JSON_INTEGER_FORMAT
	    " active, %" JSON_INTEGER_FORMAT " held back",
	    (json_int_t)ctl_answer_number(u, "known"),
	    (json_int_t)ctl_answer_number(u, "active"),
	    (json_int_t)ctl_answer_number(u, "held_back"));
	if (json_is_integer(json_object_get(u, "share_bit_s")))
		snprintf(line + at, sizeof(line) - (size_t)at,
		    ", fair share %s", rate(u, "share_bit_s", share));
	ctl_text_row(t, "users", line);
}

static void
add_count(struct ctl_text_table *t, const json_t *answer, const char *key)
{
	const json_t *c = json_object_get(answer, key);
	char line[LINE_MAX_LEN], now[CTL_TEXT_MAX], limit[CTL_TEXT_MAX];

	snprintf(line, sizeof(line), "%s of %s",
	    ctl_text_count(ctl_answer_number(c, "now"), now),
	    ctl_text_count(ctl_answer_number(c, "limit"), limit));
	ctl_text_row(t, key, line);
}

static void
add_dropped(struct ctl_text_table *t, const json_t *dropped)
{
	const char *name = "dropped";
	char line[LINE_MAX_LEN], n[CTL_TEXT_MAX];
	const json_t *count;
	const char *why;

	json_object_foreach((json_t *)dropped, why, count)
	{
		snprintf(line, sizeof(line), "%s packets, %s",
		    ctl_text_count((uint64_t)json_integer_value(count), n),
		    why);
		ctl_text_row(t, name, line);
		name = "";
	}
}

/* ---- the rest */

static void
print_says(FILE *out, const json_t *says)
{
	struct ctl_text_table *t = ctl_text_table_new("llll");
	char text[CTL_TEXT_MAX];
	const json_t *s;
	size_t i;

	ctl_text_cell(t, "who");
	ctl_text_cell(t, "relay");
	ctl_text_cell(t, "rate");
	ctl_text_cell(t, "why");
	json_array_foreach(says, i, s)
	{
		ctl_text_cell(t, ctl_answer_string(s, "who", ""));
		ctl_text_cell(t,
		    json_is_true(json_object_get(s, "relay")) ? "yes" : "NO");
		ctl_text_cell(t, rate(s, "rate_bit_s", text));
		ctl_text_cell(t, ctl_answer_string(s, "reason", ""));
	}
	if (json_array_size(says) > 0) {
		fputc('\n', out);
		ctl_text_table_print(t, out, "  ");
	}
	ctl_text_table_free(t);
}

static void
print_limits(FILE *out, const json_t *limits, const json_t *live)
{
	struct ctl_text_table *t = ctl_text_table_new("lll");
	const json_t *value;
	const char *key;

	json_object_foreach((json_t *)limits, key, value)
	{
		const char *text = json_string_value(value);

		ctl_text_cell(t, key);
		ctl_text_cell(t, text != NULL && *text != '\0' ? text : "-");
		ctl_text_cell(t,
		    json_object_get(live, key) != NULL ? "until a reload" : "");
	}
	fputc('\n', out);
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

static void
print_all(FILE *out, const json_t *answer)
{
	struct ctl_text_table *t = ctl_text_table_new("ll");

	add_effective(t, answer);
	add_direction(t, answer, "in", "in_bit_s");
	add_direction(t, answer, "out", "out_bit_s");
	add_users(t, json_object_get(answer, "users"));
	add_count(t, answer, "allocations");
	add_count(t, answer, "connections");
	add_dropped(t, json_object_get(answer, "dropped"));
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
	print_says(out, json_object_get(answer, "says"));
	print_limits(out, json_object_get(answer, "limits"),
	    json_object_get(answer, "live"));
}

static void
print_change(FILE *out, const json_t *answer)
{
	const json_t *changes = json_object_get(answer, "changes");
	const json_t *live = json_object_get(answer, "live");
	char text[CTL_TEXT_MAX];
	const json_t *value;
	const char *key;
	size_t i;

	if (json_array_size(changes) == 0)
		fputs("nothing changed\n", out);
	json_array_foreach(changes, i, value)
	    fprintf(out, "%s\n", json_string_value(value));
	if (json_is_integer(json_object_get(answer, "rate_bit_s")))
		fprintf(out, "%s each way holds, by %s: %s\n",
		    rate(answer, "rate_bit_s", text),
		    ctl_answer_string(answer, "rate_by", ""),
		    ctl_answer_string(answer, "rate_reason", ""));
	fputs("until the next reload or restart; to keep it:\n  caps {", out);
	json_object_foreach((json_t *)live, key, value)
	    fprintf(out, " %s = \"%s\"", key, json_string_value(value));
	fputs(" }\n", out);
}

void
ctl_caps_print(FILE *out, const json_t *answer)
{
	if (json_object_get(answer, "changes") != NULL)
		print_change(out, answer);
	else
		print_all(out, answer);
}
