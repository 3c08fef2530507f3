#include "common/zone.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/mem.h"
#include "common/zone_rule.h"

enum {
	PATH_MAX_LEN = 512,
	/* TZif, RFC 8536, section 3 */
	HEADER_SKIP = 15,
	COUNTS = 6,
	TYPE_LEN = 6,
	CHANGES_MAX = 8192,
	TYPES_MAX = 256,
	FOOTER_MAX = 128,
	/* "-24:59:59" to "+25:59:59" (section 3.2) */
	OFFSET_MAX = 26 * 3600,
};

struct zone {
	/* FROZEN: after loading */
	struct change {
		int64_t from; /* UTC second */
		int32_t offset;
	} * change;
	size_t count;
	int32_t first; /* before the first change */
	bool has_rule; /* after the last one */
	struct zone_rule rule;
};

/* ---- TZif */

/* Counts of a header, in its order. */
struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static bool
read_header(struct cursor *c, struct counts *n, uint8_t *version)
{
	const uint8_t *magic = cursor_bytes(c, 4);

	*version = cursor_u8(c);
	cursor_bytes(c, HEADER_SKIP);
	n->isut = cursor_u32(c);
	n->isstd = cursor_u32(c);
	n->leap = cursor_u32(c);
	n->time = cursor_u32(c);
	n->type = cursor_u32(c);
	n->chars = cursor_u32(c);
	return !c->bad && memcmp(magic, "TZif", 4) == 0 &&
	    n->time <= CHANGES_MAX && n->type >= 1 && n->type <= TYPES_MAX &&
	    n->leap <= CHANGES_MAX && n->chars <= CHANGES_MAX &&
	    n->isut <= TYPES_MAX && n->isstd <= TYPES_MAX;
}

/* Bytes of a data block whose times take size bytes. */
static size_t
block_len(const struct counts *n, size_t size)
{
	return n->time * (size + 1) + n->type * TYPE_LEN + n->chars +
	    n->leap * (size + 4) + n->isstd + n->isut;
}

static int64_t
read_s(struct cursor *c, size_t size)
{
	uint64_t high;

	if (size == 4)
		return (int32_t)cursor_u32(c);
	high = cursor_u32(c);
	return (int64_t)(high << 32 | cursor_u32(c));
}

/* Local time types: how far east, six bytes each. */
static bool
read_types(struct cursor *c, const struct counts *n, int32_t *offset)
{
	for (uint32_t i = 0; i < n->type; i++) {
		offset[i] = (int32_t)cursor_u32(c);
		cursor_bytes(c, 2); /* is it summer, its name */
		if (offset[i] < -OFFSET_MAX || offset[i] > OFFSET_MAX)
			return false;
	}
	return true;
}

static int
read_block(
    struct zone *z, struct cursor *c, const struct counts *n, size_t size)
{
	int32_t offset[TYPES_MAX];
	const uint8_t *type;

	if (n->time > 0 &&
	    (z->change = mem_try(n->time, sizeof(*z->change))) == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < n->time; i++) {
		z->change[i].from = read_s(c, size);
		if (i > 0 && z->change[i].from <= z->change[i - 1].from)
			return EINVAL;
	}
	type = cursor_bytes(c, n->time);
	if (!read_types(c, n, offset) || c->bad)
		return EINVAL;
	for (uint32_t i = 0; i < n->time; i++) {
		if (type[i] >= n->type)
			return EINVAL;
		z->change[i].offset = offset[type[i]];
	}
	z->count = n->time;
	z->first = offset[0];
	cursor_bytes(
	    c, n->chars + n->leap * (size + 4) + (size_t)n->isstd + n->isut);
	return c->bad ? EINVAL : 0;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n"; empty: the last change holds for ever. */
static int
read_footer(struct zone *z, struct cursor *c)
{
	const size_t left = cursor_left(c);
	const char *text = (const char *)cursor_bytes(c, left);
	char rule[FOOTER_MAX];
	const char *end;
	size_t len;

	if (left < 2 || text[0] != '\n' ||
	    (end = memchr(text + 1, '\n', left - 1)) == NULL)
		return EINVAL;
	len = (size_t)(end - text) - 1;
	if (len == 0)
		return 0;
	if (len >= sizeof(rule) || memchr(text + 1, '\0', len) != NULL)
		return EINVAL;
	memcpy(rule, text + 1, len);
	rule[len] = '\0';
	z->has_rule = true;
	return zone_rule_parse(&z->rule, rule);
}

static int
read_file(struct zone *z, struct cursor *c)
{
	struct counts n;
	uint8_t version;
	int rc;

	if (!read_header(c, &n, &version))
		return EINVAL;
	if (version < '2')
		return read_block(z, c, &n, 4);
	cursor_bytes(c, block_len(&n, 4));
	if (!read_header(c, &n, &version))
		return EINVAL;
	if ((rc = read_block(z, c, &n, 8)) != 0)
		return rc;
	return read_footer(z, c);
}

int
zone_parse(struct zone **out, const void *data, size_t len)
{
	struct cursor c;
	struct zone *z;
	int rc = ENOMEM;

	cursor_init(&c, data, len);
	if ((z = mem_try(1, sizeof(*z))) == NULL)
		return ENOMEM;
	if ((rc = read_file(z, &c)) != 0)
		goto fail;
	*out = z;
	return 0;

fail:
	zone_free(z);
	return rc;
}

int
zone_of_rule(struct zone **out, const char *posix)
{
	struct zone_rule rule;
	struct zone *z;

	if (zone_rule_parse(&rule, posix) != 0)
		return EINVAL;
	if ((z = mem_try(1, sizeof(*z))) == NULL)
		return ENOMEM;
	z->rule = rule;
	z->has_rule = true;
	z->first = rule.standard;
	*out = z;
	return 0;
}

void
zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	mem_free(z->change);
	mem_free(z);
}

/* ---- where the tz database is */

static int
load_file(struct zone **out, const char *path)
{
	FILE *f = fopen(path, "rbe");
	char *data;
	size_t len;
	int rc = ENOMEM;

	if (f == NULL)
		return ENOENT;
	if ((data = mem_try(1, ZONE_FILE_MAX)) != NULL) {
		len = fread(data, 1, ZONE_FILE_MAX, f);
		rc = zone_parse(out, data, len);
	}
	mem_free(data);
	fclose(f);
	return rc;
}

/* "Europe/Berlin"; nothing that leaves the folder or names it */
static bool
is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '/' && name[0] != '.' &&
	    strstr(name, "/.") == NULL &&
	    strspn(name,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+-_/") == strlen(name);
}

static int
load_named(struct zone **out, const char *name)
{
	char path[PATH_MAX_LEN];
	int rc = ENOENT;

	if (is_plain(name)) {
		snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
		rc = load_file(out, path);
	}
	if (rc == ENOENT && strcmp(name, "UTC") == 0)
		return zone_of_rule(out, "UTC0");
	return rc == ENOENT ? zone_of_rule(out, name) : rc;
}

static int
load_host(struct zone **out)
{
	const char *tz = getenv("TZ");
	int rc;

	if (tz != NULL && *tz != '\0') {
		tz += *tz == ':';
		rc = *tz == '/' ? load_file(out, tz) : load_named(out, tz);
	} else {
		rc = load_file(out, "/etc/localtime");
	}
	return rc == 0 || rc == ENOMEM ? rc : zone_of_rule(out, "UTC0");
}

int
zone_load(struct zone **out, const char *name, const char **why)
{
	int rc;

	*why = "out of memory";
	if (*name == '\0')
		return load_host(out);
	if (strlen(name) >= ZONE_NAME_MAX) {
		*why = "is longer than any time zone's name";
		return EINVAL;
	}
	if ((rc = load_named(out, name)) == 0 || rc == ENOMEM)
		return rc;
	*why = "is no time zone: a name below /usr/share/zoneinfo (package "
	       "tzdata) such as \"Europe/Berlin\", or \"UTC\"";
	return EINVAL;
}

/* ---- asking */

int32_t
zone_offset(const struct zone *z, int64_t s)
{
	size_t low = 0, high = z->count;

	/* first change behind s */
	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (z->change[middle].from <= s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == z->count && z->has_rule)
		return zone_rule_offset(&z->rule, s);
	return low == 0 ? z->first : z->change[low - 1].offset;
}

struct date_clock
zone_clock(const struct zone *z, int64_t s)
{
	return date_clock_of(s + zone_offset(z, s));
}

static bool
shows(const struct zone *z, int64_t s, int64_t local)
{
	return s + zone_offset(z, s) == local;
}

int64_t
zone_when(const struct zone *z, int64_t local)
{
	/* the offsets on both sides of any change nearby */
	const int64_t before = local - zone_offset(z, local - OFFSET_MAX);
	const int64_t after = local - zone_offset(z, local + OFFSET_MAX);
	int64_t low = before < after ? before : after;
	int64_t high = before < after ? after : before;

	if (shows(z, low, local))
		return low;
	if (shows(z, high, local))
		return high;
	/* skipped: the change lies between the two, and behind it the clock
	 * shows more */
	while (low < high) {
		const int64_t middle = low + (high - low) / 2;

		if (middle + zone_offset(z, middle) >= local)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const char *
zone_format(const struct zone *z, int64_t s, char text[DATE_TEXT_MAX])
{
	const int32_t offset = zone_offset(z, s);
	const struct date_clock c = date_clock_of(s + offset);
	const int minutes = abs(offset) / 60;

	snprintf(text, DATE_TEXT_MAX,
	    "%04d-%02u-%02uT%02u:%02u:%02u%c%02d:%02d", c.date.year % 10000,
	    c.date.month % 100, c.date.day % 100, c.minute / 60 % 100,
	    c.minute % 60, c.second % 100, offset < 0 ? '-' : '+',
	    minutes / 60 % 100, minutes % 60);
	return text;
}
