#include "common/json_scan.h"

#include <string.h>

enum { DIGITS_MAX = 15 };

struct key {
	const char *at;
	size_t len;
};

struct scan {
	const char *at, *end;
	unsigned depth; /* how much deeper it may become */
	unsigned keys;  /* of all open objects; the inner ones are last */
	struct key key[JSON_SCAN_KEYS_MAX];
};

/* What may stand in a string by itself; a backslash is looked at. */
static bool
is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

static void
skip_blanks(struct scan *s)
{
	while (s->at < s->end &&
	    (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' ||
		*s->at == '\r'))
		s->at++;
}

/* Takes c, with blanks in front of it. */
static bool
take(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* Behind the opening quote. */
static bool
take_string(struct scan *s)
{
	for (; s->at < s->end; s->at++) {
		if (is_plain(*s->at))
			continue;
		if (*s->at == '"') {
			s->at++;
			return true;
		}
		if (*s->at != '\\' || ++s->at == s->end || *s->at == '\0' ||
		    strchr("\"\\/bfnrt", *s->at) == NULL)
			return false;
	}
	return false;
}

static bool
take_number(struct scan *s)
{
	const char *first;

	if (*s->at == '-')
		s->at++;
	first = s->at;
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	if (s->at == first || s->at - first > DIGITS_MAX ||
	    (*first == '0' && s->at - first > 1))
		return false;
	/* parts of one are json_read's */
	return s->at == s->end ||
	    (*s->at != '.' && *s->at != 'e' && *s->at != 'E');
}

static bool
take_word(struct scan *s, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* A key and its colon; base: the first key of its object. */
static bool
take_key(struct scan *s, unsigned base)
{
	struct key *k = &s->key[s->keys];

	if (s->keys == JSON_SCAN_KEYS_MAX || !take(s, '"'))
		return false;
	for (k->at = s->at; s->at < s->end && is_plain(*s->at); s->at++)
		;
	k->len = (size_t)(s->at - k->at);
	if (s->at == s->end || *s->at++ != '"')
		return false;
	for (unsigned i = base; i < s->keys; i++)
		if (s->key[i].len == k->len &&
		    memcmp(s->key[i].at, k->at, k->len) == 0)
			return false;
	s->keys++;
	return take(s, ':');
}

static bool take_value(struct scan *s);

/* Behind the bracket.  Recursion ends at depth. */
static bool
take_array(struct scan *s)
{
	if (take(s, ']'))
		return true;
	do {
		if (!take_value(s))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

/* Behind the brace. */
static bool
take_object(struct scan *s)
{
	const unsigned base = s->keys;

	if (take(s, '}'))
		return true;
	do {
		if (!take_key(s, base) || !take_value(s))
			return false;
	} while (take(s, ','));
	s->keys = base;
	return take(s, '}');
}

static bool
take_nested(struct scan *s, bool (*inner)(struct scan *s))
{
	bool ok;

	s->at++;
	if (s->depth == 0)
		return false;
	s->depth--;
	ok = inner(s);
	s->depth++;
	return ok;
}

static bool
take_value(struct scan *s)
{
	skip_blanks(s);
	if (s->at == s->end)
		return false;
	switch (*s->at) {
	case '"':
		s->at++;
		return take_string(s);
	case '{':
		return take_nested(s, take_object);
	case '[':
		return take_nested(s, take_array);
	case 't':
		return take_word(s, "true");
	case 'f':
		return take_word(s, "false");
	case 'n':
		return take_word(s, "null");
	default:
		return take_number(s);
	}
}

static bool
take_member(struct scan *s, struct json_member *m)
{
	if (!take_key(s, 0))
		return false;
	skip_blanks(s);
	m->key = s->key[s->keys - 1].at;
	m->key_len = s->key[s->keys - 1].len;
	m->value = s->at;
	if (!take_value(s))
		return false;
	m->value_len = (size_t)(s->at - m->value);
	return true;
}

bool
json_scan(const char *text, size_t len, unsigned depth, struct json_member *out,
    unsigned max, unsigned *count)
{
	struct scan s;

	s.at = text;
	s.end = text + len;
	s.keys = 0;
	*count = 0;
	if (depth == 0 || depth > JSON_SCAN_DEPTH_MAX || !take(&s, '{'))
		return false;
	s.depth = depth - 1;
	if (!take(&s, '}')) {
		do {
			if (*count == max || !take_member(&s, &out[*count]))
				return false;
			++*count;
		} while (take(&s, ','));
		if (!take(&s, '}'))
			return false;
	}
	skip_blanks(&s);
	return s.at == s.end;
}
