/* hex: bytes as lower-case hexadecimal digits. */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

/* Writes 2 * len digits and a NUL.  Returns out. */
const char *hex_write(char *out, const void *data, size_t len);

/* Reads exactly 2 * len lower-case digits; what follows is not looked at.
 * Returns 0 or EINVAL. */
MUST_CHECK int hex_read(void *out, size_t len, const char *text);

#endif
