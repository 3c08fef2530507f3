/*
 * json: strict reading of remote JSON text, around jansson.
 *
 * Depth is bounded before anything recurses; duplicate keys, NUL in strings
 * and numbers beyond int64_t or double are refused at any depth.  Pure.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/code.h"

/* Nests at most depth arrays and objects?  Text need not be valid. */
bool json_is_shallow(const char *text, size_t len, unsigned depth);

/* Reads one object or array, nothing behind it.  Returns 0: *out is the
 * caller's; EBADMSG; or ENOMEM. */
MUST_CHECK int
json_read(json_t **out, const char *text, size_t len, unsigned depth);

/*
 * The value of the member name (plain ASCII) of the object that text is, as
 * it stands there, without the blanks around it; NULL: no such member.  Text
 * was read by json_read.  Names are compared as JSON strings, so that this
 * is the member that json_object_get finds, however it was escaped.
 */
const char *
json_slice(const char *text, size_t len, const char *name, size_t *got);

/* Is value a string of min..max bytes?  For it, else NULL. */
const char *json_text(const json_t *value, size_t min, size_t max);

#endif
