/* percent: percent-encoded text (RFC 3986, section 2.1).  Pure. */
#ifndef RELAY_NET_PERCENT_H
#define RELAY_NET_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Decodes text up to its NUL or '&' (forms: as
 * application/x-www-form-urlencoded, with '+' for a blank) into out, which may
 * be text.  Returns the length, or -1: not well formed, a control character, or
 * larger than size with its NUL.
 */
int net_percent_decode(char *out, const char *text, size_t size, bool is_form);

#endif
