/* Kinds of the keys of `signalling`. */
#include <string.h>

#include "common/units.h"
#include "relay/snapshot_kind.h"

enum {
	WAIT_MAX_MS = 60 * 1000,
	MESSAGE_MIN = 1024,
	MESSAGE_MAX = 1024 * 1024,
	CREDENTIAL_MIN_S = 60,
	CREDENTIAL_MAX_S = 7 * 24 * 3600,
	BYTES_MIN = 64 * 1000, /* bit/s */
};

static const char *
parse_wait(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t ms = 0;

	(void)k;
	if (strcmp(text, "0") != 0 && units_time(&ms, text, &why) != 0)
		return why;
	if (ms > WAIT_MAX_MS)
		return "must be at most 1m, or \"0\" for no waiting";
	*(uint64_t *)elem = ms;
	return NULL;
}

static void
print_wait(FILE *out, const void *elem)
{
	const uint64_t ms = *(const uint64_t *)elem;
	char text[UNITS_TEXT_MAX];

	fprintf(out, "\"%s\"", ms == 0 ? "0" : units_format_time(ms, text));
}

static const char *
parse_message(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t n;

	(void)k;
	if (units_size(&n, text, &why) != 0)
		return why;
	if (n < MESSAGE_MIN || n > MESSAGE_MAX)
		return "must be from 1KiB to 1MiB";
	*(uint64_t *)elem = n;
	return NULL;
}

static void
print_message(FILE *out, const void *elem)
{
	char text[UNITS_TEXT_MAX];

	fprintf(
	    out, "\"%s\"", units_format_size(*(const uint64_t *)elem, text));
}

static const char *
parse_lifetime(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t ms;

	(void)k;
	if (units_time(&ms, text, &why) != 0)
		return why;
	if (ms / 1000 < CREDENTIAL_MIN_S || ms / 1000 > CREDENTIAL_MAX_S)
		return "must be from 1m to 7d";
	*(uint64_t *)elem = ms / 1000;
	return NULL;
}

static void
print_lifetime(FILE *out, const void *elem)
{
	char text[UNITS_TEXT_MAX];

	fprintf(out, "\"%s\"",
	    units_format_time(*(const uint64_t *)elem * 1000, text));
}

static const char *
parse_pace(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t bits;

	(void)k;
	if (units_rate(&bits, text, &why) != 0)
		return why;
	if (bits < BYTES_MIN)
		return "must be at least 64kbit/s";
	*(uint64_t *)elem = bits;
	return NULL;
}

/* "https://example.org", "https://example.org:8443", or "*" */
static const char *
parse_origin(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *host = strstr(text, "://");

	(void)elem;
	(void)k;
	if (strcmp(text, "*") == 0)
		return NULL;
	if (host == NULL || host == text || host[3] == '\0' ||
	    strpbrk(host + 3, "/?#@ ") != NULL)
		return "must be an origin like \"https://example.org\", or "
		       "\"*\" for any";
	return snapshot_key_printable(text);
}

static void
print_text(FILE *out, const void *elem)
{
	snapshot_kind_text.print(out, elem);
}

static void
print_pace(FILE *out, const void *elem)
{
	snapshot_kind_rate.print(out, elem);
}

#define VALUE(name)                                                         \
	const struct snapshot_kind snapshot_kind_##name = { .size = sizeof( \
								uint64_t),  \
		.parse = parse_##name,                                      \
		.print = print_##name }

VALUE(wait);
VALUE(message);
VALUE(lifetime);
VALUE(pace);

const struct snapshot_kind snapshot_kind_origins = {
	.size = sizeof(char *),
	.is_list = true,
	.is_text = true,
	.parse = parse_origin,
	.print = print_text,
};
