#include "relay/snapshot_kind.h"

#include <errno.h>
#include <string.h>

#include "common/units.h"

/* ---- text */

const char *
snapshot_key_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return "control characters are not allowed";
	}
	return NULL;
}

void
snapshot_key_quote(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		/* "${" would be read as an environment variable */
		if (*text == '$')
			fputs("\\x24", out);
		else if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static const char *
parse_text(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	(void)k;
	return snapshot_key_printable(text);
}

static const char *
parse_name(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	if (*text == '\0' || strlen(text) > k->max)
		return "must have 1 to 253 bytes";
	/* it is the realm's default */
	if (strpbrk(text, "\"\\") != NULL)
		return "must not contain a quote or a backslash";
	return snapshot_key_printable(text);
}

static const char *
parse_realm(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	if (*text == '\0' || strlen(text) > k->max)
		return "must have 1 to 40 bytes: a longer one would make the "
		       "answer to a bare request an amplifier";
	if (strpbrk(text, "\"\\") != NULL)
		return "must not contain a quote or a backslash";
	return snapshot_key_printable(text);
}

static const char *
parse_dir(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	(void)k;
	if (*text != '/')
		return "must be an absolute path";
	return snapshot_key_printable(text);
}

static const char *
parse_target(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	(void)k;
	if (strcmp(text, "stderr") != 0 && strcmp(text, "syslog") != 0 &&
	    *text != '/')
		return "must be \"stderr\", \"syslog\" or an absolute path";
	return snapshot_key_printable(text);
}

static const char *
parse_secret(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	(void)k;
	if (*text == '\0')
		return "a secret must not be empty";
	if (strcmp(text, "***") == 0)
		return "is masked: put the secret back in the place of ***";
	return snapshot_key_printable(text);
}

static void
print_text(FILE *out, const void *elem)
{
	snapshot_key_quote(out, *(char *const *)elem);
}

static void
print_secret(FILE *out, const void *elem)
{
	(void)elem;
	fputs("\"***\"", out);
}

/* ---- words and numbers */

static const char *
read_bool(bool *out, const char *text)
{
	static const char *const words[] = { "false", "true", "no", "yes",
		"off", "on" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i % 2 != 0;
			return NULL;
		}
	}
	return "must be true or false";
}

static const char *
parse_bool(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)k;
	return read_bool(elem, text);
}

static void
print_bool(FILE *out, const void *elem)
{
	fputs(*(const bool *)elem ? "true" : "false", out);
}

bool
snapshot_kind_digits(unsigned *out, const char *text, size_t len)
{
	unsigned n = 0;

	if (len == 0 || len > 8)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (unsigned)(text[i] - '0');
	}
	*out = n;
	return true;
}

static const char *
parse_count(void *elem, const char *text, const struct snapshot_key *k)
{
	static _Thread_local char why[64];
	unsigned n;

	if (snapshot_kind_digits(&n, text, strlen(text)) && n >= k->min &&
	    n <= k->max) {
		*(unsigned *)elem = n;
		return NULL;
	}
	snprintf(why, sizeof(why), "must be a whole number from %u%s to %u",
	    (unsigned)k->min,
	    k->max == SNAPSHOT_WORKERS_MAX ? " (one per CPU)" : "",
	    (unsigned)k->max);
	return why;
}

static void
print_count(FILE *out, const void *elem)
{
	fprintf(out, "%u", *(const unsigned *)elem);
}

static const char *
parse_rate(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t bits;

	(void)k;
	if (strcmp(text, "unlimited") == 0) {
		*(uint64_t *)elem = 0;
		return NULL;
	}
	if (units_rate(&bits, text, &why) != 0)
		return why;
	if (bits < SNAPSHOT_RATE_MIN)
		return "must be at least 12kbit/s, a packet of 1500B a "
		       "second, or \"unlimited\"";
	*(uint64_t *)elem = bits;
	return NULL;
}

static void
print_rate(FILE *out, const void *elem)
{
	const uint64_t bits = *(const uint64_t *)elem;
	char text[UNITS_TEXT_MAX];

	fprintf(out, "\"%s\"",
	    bits == 0 ? "unlimited" : units_format_rate(bits, text));
}

static const char *
parse_burst(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t n;

	(void)k;
	if (units_time(&n, text, &why) == 0) {
		if (n == 0 || n > 60 * 1000)
			return "must be from 1ms to 1m";
		*(uint64_t *)elem = n | SNAPSHOT_BURST_IS_MS;
		return NULL;
	}
	if (units_size(&n, text, &why) != 0)
		return "must be a time (\"250ms\") or a size (\"64KiB\")";
	if (n < SNAPSHOT_BURST_MIN || n > UINT64_C(1) << 40)
		return "must hold one packet of 1500B, and be at most 1TiB";
	*(uint64_t *)elem = n;
	return NULL;
}

static void
print_size(FILE *out, const void *elem)
{
	char text[UNITS_TEXT_MAX];

	fprintf(
	    out, "\"%s\"", units_format_size(*(const uint64_t *)elem, text));
}

/* Of a kernel buffer; "0" leaves it to the kernel. */
static const char *
parse_size(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *why = NULL;
	uint64_t n = 0;

	if (strcmp(text, "0") != 0 && units_size(&n, text, &why) != 0)
		return why;
	if (n != 0 && (n < SNAPSHOT_BUFFER_MIN || n > k->max))
		return "must be from 4KiB to 512MiB, or \"0\" for the "
		       "kernel's default";
	*(uint64_t *)elem = n;
	return NULL;
}

static void
print_buffer(FILE *out, const void *elem)
{
	if (*(const uint64_t *)elem == 0)
		fputs("\"0\"", out);
	else
		print_size(out, elem);
}

static const char *
parse_ports(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *dash = strchr(text, '-');
	uint16_t *range = elem;
	unsigned min, max;

	(void)k;
	if (dash == NULL ||
	    !snapshot_kind_digits(&min, text, (size_t)(dash - text)) ||
	    !snapshot_kind_digits(&max, dash + 1, strlen(dash + 1)))
		return "must be a range like \"49152-65535\"";
	if (min < 1024)
		return "must begin at 1024 or above: lower ports are "
		       "privileged";
	if (max > UINT16_MAX)
		return "must end at 65535 or below";
	if (min > max)
		return "is reversed: the lower port comes first";
	range[0] = (uint16_t)min;
	range[1] = (uint16_t)max;
	return NULL;
}

static void
print_ports(FILE *out, const void *elem)
{
	const uint16_t *range = elem;

	fprintf(out, "\"%u-%u\"", range[0], range[1]);
}

static const char *
parse_level(void *elem, const char *text, const struct snapshot_key *k)
{
	enum log_level level;

	(void)k;
	if (log_level_parse(&level, text) != 0)
		return "must be debug, info, warn or error";
	*(enum log_level *)elem = level;
	return NULL;
}

static void
print_level(FILE *out, const void *elem)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };

	fprintf(out, "\"%s\"", names[*(const enum log_level *)elem]);
}

/* ---- addresses */

/* "host:0" names a port: any that is free. */
static bool
names_port(const struct addr *a, const char *text)
{
	const size_t len = strlen(text);

	if (addr_port(a) != 0)
		return true;
	return len > 2 && strcmp(text + len - 2, ":0") == 0 &&
	    (addr_family(a) == AF_INET || *text == '[');
}

static const char *
parse_listener(void *elem, const char *text, const struct snapshot_key *k)
{
	struct addr a;

	(void)k;
	if (addr_parse(&a, text) != 0 || !names_port(&a, text))
		return "must be an address with a port, like \"0.0.0.0:3478\" "
		       "or \"[::]:3478\"";
	*(struct addr *)elem = a;
	return NULL;
}

static const char *
parse_admin(void *elem, const char *text, const struct snapshot_key *k)
{
	if (*text == '\0') {
		*(struct addr *)elem = (struct addr){ 0 };
		return NULL;
	}
	return parse_listener(elem, text, k);
}

bool
snapshot_kind_is_unicast(const struct addr *a)
{
	size_t len;
	const uint8_t *host = addr_host(a, &len);

	if (addr_is_any(a))
		return false;
	return len == 16 ? host[0] != 0xff : host[0] < 0xe0;
}

static const char *
parse_host(void *elem, const char *text, const struct snapshot_key *k)
{
	struct addr a;

	(void)k;
	if (addr_parse(&a, text) != 0 || addr_port(&a) != 0 || *text == '[')
		return "must be an address without port, like \"203.0.113.7\"";
	if (!snapshot_kind_is_unicast(&a))
		return "must be an address of this host, not a wildcard or "
		       "multicast";
	*(struct addr *)elem = a;
	return NULL;
}

static const char *
parse_external(void *elem, const char *text, const struct snapshot_key *k)
{
	static const char right[] =
	    "must be outside/inside, like \"203.0.113.7/10.0.0.7\"";
	struct snapshot_external *e = elem;
	const char *slash = strchr(text, '/');
	char outside[ADDR_TEXT_MAX];
	struct snapshot_external x;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(outside))
		return right;
	memcpy(outside, text, (size_t)(slash - text));
	outside[slash - text] = '\0';
	if (parse_host(&x.outside, outside, k) != NULL ||
	    parse_host(&x.inside, slash + 1, k) != NULL)
		return right;
	if (addr_family(&x.outside) != addr_family(&x.inside))
		return "outside and inside must be of one family";
	*e = x;
	return NULL;
}

static const char *
parse_prefix(void *elem, const char *text, const struct snapshot_key *k)
{
	struct addr_prefix p, cut;
	const char *slash = strchr(text, '/');

	(void)k;
	if (addr_prefix_parse(&p, text) == 0) {
		*(struct addr_prefix *)elem = p;
		return NULL;
	}
	/* is it but for the host bits a prefix? */
	if (slash != NULL && strlen(text) < ADDR_TEXT_MAX) {
		char any[ADDR_TEXT_MAX];
		const char *zero = strchr(text, ':') != NULL ? "::" : "0.0.0.0";
		char host[ADDR_TEXT_MAX] = "";

		memcpy(host, text, (size_t)(slash - text));
		snprintf(any, sizeof(any), "%s%s", zero, slash);
		if (addr_prefix_parse(&cut, any) == 0 &&
		    addr_prefix_parse(&cut, host) == 0)
			return "has host bits set: write the network address";
	}
	return "must be a prefix like \"10.0.0.0/8\" or \"2001:db8::/32\"";
}

static void
print_addr(FILE *out, const void *elem)
{
	char text[ADDR_TEXT_MAX];

	if (addr_is_none(elem))
		fputs("\"\"", out);
	else
		fprintf(out, "\"%s\"", addr_format(elem, text));
}

static void
print_host(FILE *out, const void *elem)
{
	char text[ADDR_TEXT_MAX];

	fprintf(out, "\"%s\"", addr_format_host(elem, text));
}

static void
print_external(FILE *out, const void *elem)
{
	const struct snapshot_external *e = elem;
	char one[ADDR_TEXT_MAX], two[ADDR_TEXT_MAX];

	fprintf(out, "\"%s/%s\"", addr_format_host(&e->outside, one),
	    addr_format_host(&e->inside, two));
}

static void
print_prefix(FILE *out, const void *elem)
{
	char text[ADDR_TEXT_MAX];

	fprintf(out, "\"%s\"", addr_prefix_format(elem, text));
}

/* ---- keys of later versions */

static const char *
parse_unserved(void *elem, const char *text, const struct snapshot_key *k)
{
	bool on;

	(void)elem;
	if (k->def != NULL && strcmp(text, k->def) == 0)
		return NULL;
	if (k->def != NULL && strcmp(k->def, "false") == 0 &&
	    read_bool(&on, text) == NULL && !on)
		return NULL;
	return "is not served by this version: take it out";
}

#define TEXT(fn)                                                      \
	{                                                             \
		.size = sizeof(char *), .is_text = true, .parse = fn, \
		.print = print_text                                   \
	}
#define VALUE(type, one, other)                                    \
	{                                                          \
		.size = sizeof(type), .parse = one, .print = other \
	}
#define LIST(type, one, other)                                       \
	{                                                            \
		.size = sizeof(type), .is_list = true, .parse = one, \
		.print = other                                       \
	}

const struct snapshot_kind snapshot_kind_text = TEXT(parse_text);
const struct snapshot_kind snapshot_kind_name = TEXT(parse_name);
const struct snapshot_kind snapshot_kind_realm = TEXT(parse_realm);
const struct snapshot_kind snapshot_kind_dir = TEXT(parse_dir);
const struct snapshot_kind snapshot_kind_target = TEXT(parse_target);
const struct snapshot_kind snapshot_kind_path = {
	.size = sizeof(char *),
	.is_text = true,
	.is_path = true,
	.parse = parse_text,
	.print = print_text,
};
const struct snapshot_kind snapshot_kind_secrets = {
	.size = sizeof(char *),
	.is_list = true,
	.is_text = true,
	.is_secret = true,
	.parse = parse_secret,
	.print = print_secret,
};
const struct snapshot_kind snapshot_kind_bool =
    VALUE(bool, parse_bool, print_bool);
const struct snapshot_kind snapshot_kind_count =
    VALUE(unsigned, parse_count, print_count);
const struct snapshot_kind snapshot_kind_rate =
    VALUE(uint64_t, parse_rate, print_rate);
const struct snapshot_kind snapshot_kind_burst =
    VALUE(uint64_t, parse_burst, print_size);
const struct snapshot_kind snapshot_kind_size =
    VALUE(uint64_t, parse_size, print_buffer);
const struct snapshot_kind snapshot_kind_ports =
    VALUE(uint16_t[2], parse_ports, print_ports);
const struct snapshot_kind snapshot_kind_level =
    VALUE(enum log_level, parse_level, print_level);
const struct snapshot_kind snapshot_kind_admin =
    VALUE(struct addr, parse_admin, print_addr);
const struct snapshot_kind snapshot_kind_listeners =
    LIST(struct addr, parse_listener, print_addr);
const struct snapshot_kind snapshot_kind_hosts =
    LIST(struct addr, parse_host, print_host);
const struct snapshot_kind snapshot_kind_externals =
    LIST(struct snapshot_external, parse_external, print_external);
const struct snapshot_kind snapshot_kind_prefixes =
    LIST(struct addr_prefix, parse_prefix, print_prefix);
const struct snapshot_kind snapshot_kind_unserved = {
	.is_unserved = true,
	.parse = parse_unserved,
};
const struct snapshot_kind snapshot_kind_unserved_list = {
	.is_list = true,
	.is_unserved = true,
	.parse = parse_unserved,
};
