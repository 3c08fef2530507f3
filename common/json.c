#include "common/json.h"

#include <errno.h>
#include <string.h>

/* ---- depth, before jansson's parser recurses */

/* Returns the quote that ends the string which begins behind at, or end. */
static const char *
string_end(const char *at, const char *end)
{
	while (at < end && *at != '"') {
		/* what is escaped is no end; it may be the text's last byte */
		if (*at == '\\' && at + 1 < end)
			at++;
		at++;
	}
	return at;
}

bool
json_is_shallow(const char *text, size_t len, unsigned depth)
{
	const char *end = text + len;
	unsigned open = 0;

	for (const char *at = text; at < end; at++) {
		switch (*at) {
		case '"':
			at = string_end(at + 1, end);
			break;
		case '{':
		case '[':
			if (++open > depth)
				return false;
			break;
		case '}':
		case ']':
			/* unbalanced text is the parser's to refuse */
			if (open > 0)
				open--;
			break;
		default:
			break;
		}
	}
	return true;
}

int
json_read(json_t **out, const char *text, size_t len, unsigned depth)
{
	json_error_t e;
	json_t *value;

	if (!json_is_shallow(text, len, depth))
		return EBADMSG;
	if ((value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e)) == NULL)
		return json_error_code(&e) == json_error_out_of_memory
		    ? ENOMEM
		    : EBADMSG;
	*out = value;
	return 0;
}

/* ---- slices of a text that is known to be valid */

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end &&
	    (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at;
}

/* Returns where the value that begins at at ends. */
static const char *
skip_value(const char *at, const char *end)
{
	unsigned open = 0;

	for (; at < end; at++) {
		switch (*at) {
		case '"':
			at = string_end(at + 1, end);
			break;
		case '{':
		case '[':
			open++;
			break;
		case '}':
		case ']':
			/* of the object that the value is a member of */
			if (open == 0)
				return at;
			open--;
			break;
		case ',':
			if (open == 0)
				return at;
			break;
		default:
			break;
		}
	}
	return at;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) - 'a' + 10;
}

/* The character of an escape; *at stands behind the backslash, and is moved
 * behind the escape.  Beyond ASCII: -1, no name has that. */
static int
read_escape(const char **at)
{
	static const char FROM[] = "\"\\/bfnrt";
	static const char TO[] = "\"\\/\b\f\n\r\t";
	const char *c = *at;
	int value = 0;

	if (*c != 'u') {
		const char *known = strchr(FROM, *c);

		*at = c + 1;
		return known != NULL ? TO[known - FROM] : -1;
	}
	for (int i = 1; i <= 4; i++)
		value = value * 16 + hex_value(c[i]);
	*at = c + 5;
	return value < 0x80 ? value : -1;
}

/* Is the string between at and end, still escaped, name? */
static bool
is_key(const char *at, const char *end, const char *name)
{
	int c;

	for (; at < end; name++) {
		c = (unsigned char)*at++;
		if (c == '\\')
			c = read_escape(&at);
		if (*name == '\0' || c != (unsigned char)*name)
			return false;
	}
	return *name == '\0';
}

const char *
json_slice(const char *text, size_t len, const char *name, size_t *got)
{
	const char *end = text + len, *key, *key_end, *value, *value_end;
	const char *at = skip_blanks(text, end);

	if (at == end || *at != '{')
		return NULL;
	/* each round begins at '{' or ',' */
	while (at < end && *at != '}') {
		key = skip_blanks(at + 1, end);
		if (key == end || *key != '"')
			return NULL; /* empty */
		key_end = string_end(++key, end);
		at = skip_blanks(key_end + 1, end); /* ':' */
		value = skip_blanks(at + 1, end);
		value_end = at = skip_value(value, end);
		if (!is_key(key, key_end, name))
			continue;
		while (value_end > value && strchr(" \t\r\n", value_end[-1]))
			value_end--;
		*got = (size_t)(value_end - value);
		return value;
	}
	return NULL;
}

const char *
json_text(const json_t *value, size_t min, size_t max)
{
	size_t len;

	if (!json_is_string(value))
		return NULL;
	len = json_string_length(value);
	return len >= min && len <= max ? json_string_value(value) : NULL;
}
