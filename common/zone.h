/*
 * zone: what local clocks show, and when.
 *
 * Read from the tz database (TZif, RFC 8536) or a POSIX TZ string into an
 * object of our own: libc's TZ belongs to the process and changes under every
 * thread that asks the time.  FROZEN: after loading; pure but for zone_load.
 */
#ifndef COMMON_ZONE_H
#define COMMON_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "common/code.h"
#include "common/date.h"

struct zone;

enum { ZONE_NAME_MAX = 64, ZONE_FILE_MAX = 256 * 1024 };

/*
 * name: "" (the host's: TZ, else /etc/localtime, else UTC), a name of the tz
 * database ("Europe/Berlin") or a POSIX string ("CET-1CEST,M3.5.0,M10.5.0/3").
 * Returns 0, ENOMEM, or EINVAL with *why a constant sentence.
 */
MUST_CHECK int zone_load(struct zone **out, const char *name, const char **why);
/* A TZif file's bytes; a POSIX string.  Return 0, ENOMEM or EINVAL. */
MUST_CHECK int zone_parse(struct zone **out, const void *data, size_t len);
MUST_CHECK int zone_of_rule(struct zone **out, const char *posix);
void zone_free(struct zone *z);

/* Seconds east of UTC at the UTC second s. */
int32_t zone_offset(const struct zone *z, int64_t s);
/* What the clock shows at s. */
struct date_clock zone_clock(const struct zone *z, int64_t s);
/*
 * When the clock first shows local (seconds as if it were UTC).  A time that
 * the clock skips is reached when it has skipped; of a time shown twice it is
 * the first.
 */
int64_t zone_when(const struct zone *z, int64_t local);

/* "2026-11-23T06:00:00+01:00" at s; returns text. */
const char *
zone_format(const struct zone *z, int64_t s, char text[DATE_TEXT_MAX]);

#endif
