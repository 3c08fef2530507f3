/* base64url: bytes as text without padding (RFC 4648, section 5). */
#ifndef COMMON_BASE64URL_H
#define COMMON_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

/* Characters that len bytes take, without the NUL. */
#define BASE64URL_LEN(len) (((len)*4 + 2) / 3)

/* Writes BASE64URL_LEN(len) characters and a NUL.  Returns out. */
const char *base64url_write(char *out, const void *data, size_t len);

/*
 * Reads text whole: no padding, no blank, no bits beyond the last byte, so
 * that bytes have one text only.  Returns 0 and *got bytes, at most room; or
 * EINVAL, or ENOSPC.
 */
MUST_CHECK int base64url_read(
    void *out, size_t room, size_t *got, const char *text, size_t len);

#endif
