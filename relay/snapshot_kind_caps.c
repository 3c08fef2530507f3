/* The kinds of values that say who may relay how much, and when. */
#include <ctype.h>
#include <string.h>

#include "common/units.h"
#include "relay/snapshot_kind.h"

enum {
	STUN_PORT = 3478,
	DNS_PORT = 53,
	/* "_supernode." stands before it; 253 bytes in all */
	SITE_MAX = 253 - 11,
	LABEL_MAX = 63,
	MINUTES_A_DAY = 24 * 60,
	DAYS = 7,
	RETENTION_MIN_S = 3600,
	ROTATE_MIN = 4096,
};

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* ---- words */

static const char *const members[] = { "", "one", "both" };
static const char *const at_quota[] = { "trickle", "signalling", "off" };
static const char *const subjects[] = { "full", "hashed", "none" };
static const char *const on_failure[] = { "continue", "stop-relaying" };

/* Enumerations are unsigned here, as the compiler makes them. */
static bool
read_word(void *elem, const char *const *words, size_t count, const char *text)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		*(unsigned *)elem = i;
		return true;
	}
	return false;
}

#define WORDS(set, right)                                                 \
	static const char *parse_##set(                                   \
	    void *elem, const char *text, const struct snapshot_key *k)   \
	{                                                                 \
		(void)k;                                                  \
		return read_word(elem, set, COUNT_OF(set), text) ? NULL   \
								 : right; \
	}                                                                 \
	static void print_##set(FILE *out, const void *elem)              \
	{                                                                 \
		fprintf(out, "\"%s\"", set[*(const unsigned *)elem]);     \
	}                                                                 \
	const struct snapshot_kind snapshot_kind_##set = {                \
		.size = sizeof(unsigned),                                 \
		.parse = parse_##set,                                     \
		.print = print_##set,                                     \
	}

WORDS(members, "must be \"one\" or \"both\" ends in a network, or \"\"");
WORDS(at_quota, "must be trickle, signalling or off");
WORDS(subjects, "must be full, hashed or none");
WORDS(on_failure, "must be continue or stop-relaying");

/* ---- rates and sizes */

static const char *
parse_own_rate(void *elem, const char *text, const struct snapshot_key *k)
{
	return snapshot_kind_rate.parse(
	    elem, *text == '\0' ? "unlimited" : text, k);
}

static void
print_own_rate(FILE *out, const void *elem)
{
	if (*(const uint64_t *)elem == 0)
		fputs("\"\"", out);
	else
		snapshot_kind_rate.print(out, elem);
}

static const char *
parse_trickle(void *elem, const char *text, const struct snapshot_key *k)
{
	if (strcmp(text, "unlimited") == 0)
		return "must be a rate: what is unlimited is no trickle";
	return snapshot_kind_rate.parse(elem, text, k);
}

static const char *
parse_quota(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t n = 0;

	(void)k;
	if (*text != '\0' && units_size(&n, text, &why) != 0)
		return why;
	if (*text != '\0' && (n < SNAPSHOT_QUOTA_MIN || n > UINT64_C(1) << 60))
		return "must be at least 1MB and less than an exabyte, or "
		       "\"\" for none";
	*(uint64_t *)elem = n;
	return NULL;
}

static void
print_quota(FILE *out, const void *elem)
{
	char text[UNITS_TEXT_MAX] = "";

	if (*(const uint64_t *)elem != 0)
		units_format_size(*(const uint64_t *)elem, text);
	fprintf(out, "\"%s\"", text);
}

/* ---- times */

static const char *
parse_retention(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t ms;

	(void)k;
	if (units_time(&ms, text, &why) != 0)
		return why;
	if (ms / 1000 < RETENTION_MIN_S)
		return "must be at least 1h";
	*(uint64_t *)elem = ms / 1000;
	return NULL;
}

static void
print_retention(FILE *out, const void *elem)
{
	char text[UNITS_TEXT_MAX];

	fprintf(out, "\"%s\"",
	    units_format_time(*(const uint64_t *)elem * 1000, text));
}

static const char *
parse_rotate(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t n = 0;

	(void)k;
	if (strcmp(text, "0") != 0 && units_size(&n, text, &why) != 0)
		return why;
	if (n != 0 && n < ROTATE_MIN)
		return "must be at least 4KiB, or \"0\" for no limit";
	*(uint64_t *)elem = n;
	return NULL;
}

static void
print_rotate(FILE *out, const void *elem)
{
	const uint64_t n = *(const uint64_t *)elem;
	char text[UNITS_TEXT_MAX];

	fprintf(out, "\"%s\"", n == 0 ? "0" : units_format_size(n, text));
}

/* "HH:MM" */
static bool
read_minute(unsigned *out, const char *text)
{
	unsigned h, m;

	if (strlen(text) != 5 || text[2] != ':' ||
	    !snapshot_kind_digits(&h, text, 2) ||
	    !snapshot_kind_digits(&m, text + 3, 2) || m > 59)
		return false;
	*out = h * 60 + m;
	return *out <= MINUTES_A_DAY;
}

static const char *
parse_minute(void *elem, const char *text, const struct snapshot_key *k)
{
	unsigned minute;

	if (!read_minute(&minute, text) || minute > k->max)
		return "must be a time of day like \"20:00\"";
	*(uint16_t *)elem = (uint16_t)minute;
	return NULL;
}

static void
print_minute(FILE *out, const void *elem)
{
	const unsigned minute = *(const uint16_t *)elem;

	fprintf(out, "\"%02u:%02u\"", minute / 60, minute % 60);
}

/* "1", "15 06:00": month_day and, behind it, day_minute. */
static const char *
parse_month(void *elem, const char *text, const struct snapshot_key *k)
{
	const size_t day_len = strcspn(text, " ");
	unsigned day, minute = 0;

	(void)k;
	if (!snapshot_kind_digits(&day, text, day_len) || day < 1 || day > 31)
		return "must begin with a day of the month, 1 to 31, like "
		       "\"1\" or \"1 06:00\"";
	if (text[day_len] != '\0' &&
	    (!read_minute(&minute, text + day_len + 1) ||
		minute == MINUTES_A_DAY))
		return "must be a day and a time of day, like \"1 06:00\"";
	((unsigned *)elem)[0] = day;
	((unsigned *)elem)[1] = minute;
	return NULL;
}

static void
print_month(FILE *out, const void *elem)
{
	const unsigned *at = elem;

	fprintf(out, "\"%u", at[0]);
	if (at[1] != 0)
		fprintf(out, " %02u:%02u", at[1] / 60, at[1] % 60);
	fputc('"', out);
}

static const char *const days[DAYS] = { "mon", "tue", "wed", "thu", "fri",
	"sat", "sun" };

static int
read_day(const char *text)
{
	for (int i = 0; i < DAYS; i++) {
		if (strncmp(text, days[i], 3) == 0)
			return i;
	}
	return -1;
}

/* One of "mon", "mon-fri", "fri-mon"; moves *text behind it. */
static bool
read_days(uint8_t *mask, const char **text)
{
	const int from = read_day(*text);
	int to = from;

	if (from < 0)
		return false;
	*text += 3;
	if (**text == '-') {
		if ((to = read_day(*text + 1)) < 0)
			return false;
		*text += 4;
	}
	for (int i = from;; i = (i + 1) % DAYS) {
		*mask |= (uint8_t)(1u << i);
		if (i == to)
			return true;
	}
}

static const char *
parse_days(void *elem, const char *text, const struct snapshot_key *k)
{
	static const char right[] = "must be days of the week like "
				    "\"mon-fri\" or \"sat,sun\"";
	uint8_t mask = 0;

	(void)k;
	for (;;) {
		if (!read_days(&mask, &text))
			return right;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return right;
		text += *text == ' ';
	}
	*(uint8_t *)elem = mask;
	return NULL;
}

static void
print_days(FILE *out, const void *elem)
{
	const unsigned mask = *(const uint8_t *)elem;
	const char *between = "";
	int to;

	fputc('"', out);
	for (int i = 0; i < DAYS; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		for (to = i; to + 1 < DAYS && (mask >> (to + 1) & 1) != 0;)
			to++;
		fprintf(out, "%s%s", between, days[i]);
		if (to > i)
			fprintf(out, "-%s", days[to]);
		between = ",";
		i = to;
	}
	fputc('"', out);
}

/* ---- hosts and files */

static bool
read_server(struct addr *out, const char *text, uint16_t port)
{
	struct addr a;

	if (addr_parse(&a, text) != 0 || !snapshot_kind_is_unicast(&a))
		return false;
	if (addr_port(&a) == 0)
		addr_set_port(&a, port);
	*out = a;
	return true;
}

static const char *
parse_server(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)k;
	return read_server(elem, text, STUN_PORT)
	    ? NULL
	    : "must be an address, with a port unless it is 3478, like "
	      "\"198.51.100.7:443\"";
}

static const char *
parse_resolver(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)k;
	if (*text == '\0') {
		*(struct addr *)elem = (struct addr){ 0 };
		return NULL;
	}
	return read_server(elem, text, DNS_PORT)
	    ? NULL
	    : "must be an address, with a port unless it is 53, like "
	      "\"192.0.2.53\"";
}

static void
print_server(FILE *out, const void *elem)
{
	char text[ADDR_TEXT_MAX];

	fprintf(
	    out, "\"%s\"", addr_is_none(elem) ? "" : addr_format(elem, text));
}

static const char *
parse_site(void *elem, const char *text, const struct snapshot_key *k)
{
	size_t label = 0;

	(void)elem;
	(void)k;
	if (strlen(text) > SITE_MAX)
		return "must have at most 242 bytes";
	for (const char *at = text;; at++) {
		if (*at == '.' || *at == '\0') {
			if (label == 0 || label > LABEL_MAX)
				break;
			if (*at == '\0')
				return NULL;
			label = 0;
		} else if (isalnum((unsigned char)*at) || *at == '-' ||
		    *at == '_') {
			label++;
		} else {
			break;
		}
	}
	return "must be a DNS name like \"example.edu\"";
}

static const char *
parse_file(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	(void)k;
	if (*text != '/' && *text != '\0')
		return "must be an absolute path, or \"\" for none";
	return snapshot_key_printable(text);
}

static void
print_text(FILE *out, const void *elem)
{
	snapshot_kind_text.print(out, elem);
}

#define VALUE(type, name)                                                     \
	const struct snapshot_kind snapshot_kind_##name = { .size =           \
								sizeof(type), \
		.parse = parse_##name,                                        \
		.print = print_##name }

VALUE(uint64_t, own_rate);
VALUE(uint64_t, quota);
VALUE(uint64_t, retention);
VALUE(uint64_t, rotate);
VALUE(uint16_t, minute);
VALUE(uint8_t, days);
VALUE(unsigned[2], month);

const struct snapshot_kind snapshot_kind_trickle = {
	.size = sizeof(uint64_t),
	.parse = parse_trickle,
	.print = print_own_rate,
};
const struct snapshot_kind snapshot_kind_servers = {
	.size = sizeof(struct addr),
	.is_list = true,
	.parse = parse_server,
	.print = print_server,
};
const struct snapshot_kind snapshot_kind_resolver = {
	.size = sizeof(struct addr),
	.parse = parse_resolver,
	.print = print_server,
};
const struct snapshot_kind snapshot_kind_sites = {
	.size = sizeof(char *),
	.is_list = true,
	.is_text = true,
	.parse = parse_site,
	.print = print_text,
};
const struct snapshot_kind snapshot_kind_file = {
	.size = sizeof(char *),
	.is_text = true,
	.parse = parse_file,
	.print = print_text,
};
