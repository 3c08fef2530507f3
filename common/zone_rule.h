/*
 * zone_rule: daylight saving as a rule, from a POSIX TZ string:
 * "CET-1CEST,M3.5.0,M10.5.0/3" (POSIX.1, chapter 8.3; RFC 8536, section
 * 3.3.1 extends hours to -167..167).
 */
#ifndef COMMON_ZONE_RULE_H
#define COMMON_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/code.h"

enum zone_rule_kind {
	ZONE_RULE_MONTH,   /* Mm.w.d: day d of week w of month m */
	ZONE_RULE_NO_LEAP, /* Jn: 1-365, February 29 is never counted */
	ZONE_RULE_DAY,     /* n: 0-365 */
};

struct zone_rule_change {
	enum zone_rule_kind kind;
	unsigned month, week, day;
	int32_t time; /* seconds after local midnight */
};

struct zone_rule {
	int32_t standard; /* seconds east of UTC */
	int32_t summer;
	bool has_summer;
	struct zone_rule_change begin, end; /* of summer */
};

/* Returns 0 or EINVAL. */
MUST_CHECK int zone_rule_parse(struct zone_rule *out, const char *text);

/* Seconds east of UTC at the UTC second s. */
int32_t zone_rule_offset(const struct zone_rule *r, int64_t s);

#endif
