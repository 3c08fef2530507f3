/* The configurations that the snapshot tests load. */
#ifndef TESTS_UNIT_SNAPSHOT_BED_H
#define TESTS_UNIT_SNAPSHOT_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/mem.h"
#include "relay/snapshot.h"

/* The least that loads. */
#define RATE   "caps { rate = \"1Mbit/s\" }\n"
#define SECRET "auth { secret = {\"north\"} }\n"

static inline struct snapshot *
load(const char *text)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *s = NULL;

	if (snapshot_load_text(&s, "t.conf", text, why) != 0)
		fail_msg("refused: %s", why);
	return s;
}

#endif
