/*
 * utf8: is this UTF-8 (RFC 3629)?  Asked piece by piece: a character may be
 * cut anywhere.  Pure.
 */
#ifndef COMMON_WS_UTF8_H
#define COMMON_WS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: between two characters. */
struct ws_utf8 {
	uint8_t missing;     /* bytes of the character at hand */
	uint8_t least, most; /* what the next of them may be */
};

/* False: no text that goes on like this is UTF-8. */
bool ws_utf8_feed(struct ws_utf8 *u, const uint8_t *data, size_t len);

/* May the text end here? */
static inline bool
ws_utf8_is_whole(const struct ws_utf8 *u)
{
	return u->missing == 0;
}

#endif
