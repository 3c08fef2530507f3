/* secret: bytes that must not leak through time, memory or logs. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/code.h"

enum { SECRET_FILE_MAX = 64 * 1024 };

/* Compares in time that depends on len only. */
bool secret_equal(const void *a, const void *b, size_t len);

/* Zeroes and is not optimised away. */
void secret_wipe(void *p, size_t len);

/*
 * Reads a small file (a systemd credential), cuts trailing newlines and
 * returns it NUL-terminated in *out, owned by the caller (secret_free).
 * Returns 0, an errno, or EFBIG beyond SECRET_FILE_MAX.
 */
MUST_CHECK int secret_load(char **out, const char *path);
void secret_free(char *text);

#endif
