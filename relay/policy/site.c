#include "policy/site.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/units.h"

enum {
	KEY_MAX = 16,
	VALUE_MAX = 128,
};

static const char version_key[] = "v";
static const char version_prefix[] = "supernode";
static const char version_ours[] = "supernode1";

/* key=value between two semicolons, without the blanks around each. */
struct tag {
	const char *key, *value;
	size_t key_len, value_len;
	bool has_value;
};

void
policy_site_init(struct policy_site *s)
{
	*s = (struct policy_site){ .relay = true };
}

/* ---- text that comes from outside */

/* What is not printable shows as '?'. */
static void
copy(char *out, size_t size, const char *text, size_t len)
{
	size_t n = 0;

	while (n + 1 < size && n < len) {
		const unsigned char c = (unsigned char)text[n];

		out[n++] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	out[n] = '\0';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void
trim(const char **text, size_t *len)
{
	while (*len > 0 && is_blank((*text)[*len - 1]))
		--*len;
	for (; *len > 0 && is_blank(**text); --*len)
		++*text;
}

/* Cuts the next tag off text; false at the end. */
static bool
next_tag(struct tag *t, const char **text, size_t *len)
{
	const char *end, *equals;
	size_t n;

	if (*len == 0)
		return false;
	end = memchr(*text, ';', *len);
	n = end != NULL ? (size_t)(end - *text) : *len;
	equals = memchr(*text, '=', n);
	*t = (struct tag){ .key = *text, .has_value = equals != NULL };
	t->key_len = equals != NULL ? (size_t)(equals - *text) : n;
	if (equals != NULL) {
		t->value = equals + 1;
		t->value_len = n - t->key_len - 1;
		trim(&t->value, &t->value_len);
	}
	trim(&t->key, &t->key_len);
	*text += n;
	*len -= n;
	if (*len > 0) { /* the semicolon */
		++*text;
		--*len;
	}
	return true;
}

static bool
is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

/* ---- what a tag means */

static void
read_strictly(struct policy_site *s, const struct tag *t, const char *why)
{
	char key[KEY_MAX], value[VALUE_MAX / 2];

	s->relay = false;
	if (s->fault[0] != '\0')
		return;
	copy(key, sizeof(key), t->key, t->key_len);
	copy(value, sizeof(value), t->value, t->value_len);
	snprintf(s->fault, sizeof(s->fault), "%s=%.48s: %s", key, value, why);
}

static void
at_most(uint64_t *limit, uint64_t n)
{
	if (*limit == 0 || n < *limit)
		*limit = n;
}

typedef int units_fn(uint64_t *out, const char *text, const char **why);

static void
add_limit(struct policy_site *s, const struct tag *t, uint64_t *limit,
    units_fn *units)
{
	const char *why = "a number with a unit";
	char value[VALUE_MAX];
	uint64_t n;

	if (t->value_len < sizeof(value)) {
		copy(value, sizeof(value), t->value, t->value_len);
		if (units(&n, value, &why) == 0) {
			if (n == 0)
				s->relay = false;
			else
				at_most(limit, n);
			return;
		}
	}
	read_strictly(s, t, why);
}

static void
add_relay(struct policy_site *s, const struct tag *t)
{
	if (is_word(t->value, t->value_len, "no"))
		s->relay = false;
	else if (!is_word(t->value, t->value_len, "yes"))
		read_strictly(s, t, "must be yes or no");
}

static void
add_tag(struct policy_site *s, const struct tag *t)
{
	if (is_word(t->key, t->key_len, "relay"))
		add_relay(s, t);
	else if (is_word(t->key, t->key_len, "rate"))
		add_limit(s, t, &s->rate, units_rate);
	else if (is_word(t->key, t->key_len, "month"))
		add_limit(s, t, &s->month, units_size);
	else if (is_word(t->key, t->key_len, "contact") &&
	    s->contact[0] == '\0')
		copy(s->contact, sizeof(s->contact), t->value, t->value_len);
}

void
policy_site_add(struct policy_site *s, const char *text, size_t len)
{
	struct tag t;

	/* what does not begin so is somebody else's record */
	if (!next_tag(&t, &text, &len) || !t.has_value ||
	    !is_word(t.key, t.key_len, version_key))
		return;
	if (!is_word(t.value, t.value_len, version_ours)) {
		const size_t n = sizeof(version_prefix) - 1;

		if (t.value_len >= n &&
		    strncasecmp(t.value, version_prefix, n) == 0)
			s->is_newer = true;
		return;
	}
	s->records++;
	while (next_tag(&t, &text, &len))
		add_tag(s, &t);
}

static void
add_line(struct policy_site *s, const char *line, size_t len)
{
	const unsigned before = s->records;
	const bool was_newer = s->is_newer;

	trim(&line, &len);
	if (len == 0 || line[0] == '#')
		return;
	s->is_newer = false;
	policy_site_add(s, line, len);
	/* who names a file means what stands in it */
	if (s->records == before && !s->is_newer) {
		const struct tag whole = { .key = "line",
			.key_len = 4,
			.value = line,
			.value_len = len };

		s->records++;
		read_strictly(s, &whole, "does not begin with v=supernode1");
	}
	s->is_newer = s->is_newer || was_newer;
}

void
policy_site_add_file(struct policy_site *s, const char *text, size_t len)
{
	const char *const end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline != NULL ? newline : end;

		add_line(s, text, (size_t)(stop - text));
		text = newline != NULL ? newline + 1 : end;
	}
}

void
policy_site_end(struct policy_site *s)
{
	const struct tag version = {
		.key = version_key, .key_len = 1, .value = "", .value_len = 0
	};

	if (!s->is_newer || s->records > 0)
		return;
	s->records = 1;
	read_strictly(s, &version, "only versions this one does not know");
}

void
policy_site_merge(struct policy_site *sum, const struct policy_site *one)
{
	sum->records += one->records;
	sum->relay = sum->relay && one->relay;
	if (one->rate != 0)
		at_most(&sum->rate, one->rate);
	if (one->month != 0)
		at_most(&sum->month, one->month);
	if (sum->contact[0] == '\0')
		memcpy(sum->contact, one->contact, sizeof(sum->contact));
	if (sum->fault[0] == '\0')
		memcpy(sum->fault, one->fault, sizeof(sum->fault));
}
