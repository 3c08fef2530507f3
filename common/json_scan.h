/*
 * json_scan: one pass over usual JSON text, without memory.
 *
 * It knows what most messages are made of: ASCII, strings without \u, keys
 * without escapes, whole numbers of up to 15 digits, objects of few keys.
 * Whatever it recognises json_read reads as well, and the same way; the rest is
 * left to json_read, which also tells good from bad.  Pure.
 */
#ifndef COMMON_JSON_SCAN_H
#define COMMON_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum {
	JSON_SCAN_DEPTH_MAX = 32,
	JSON_SCAN_KEYS_MAX = 64, /* of the objects open at a time */
};

/* Slices of the text: a key without its quotes, a value as it stands. */
struct json_member {
	const char *key, *value;
	size_t key_len, value_len;
};

/*
 * True: text is one object that nests at most depth deep, no key is in any
 * object twice, and the first *count members of out (room for max) are its own.
 * False says nothing about text.
 */
bool json_scan(const char *text, size_t len, unsigned depth,
    struct json_member *out, unsigned max, unsigned *count);

#endif
