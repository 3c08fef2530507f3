#include "common/hex.h"

#include <errno.h>

static const char digits[] = "0123456789abcdef";

const char *
hex_write(char *out, const void *data, size_t len)
{
	const uint8_t *b = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[b[i] >> 4];
		out[2 * i + 1] = digits[b[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static int
value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
hex_read(void *out, size_t len, const char *text)
{
	uint8_t *b = out;

	/* a NUL is no digit: nothing behind it is read */
	for (size_t i = 0; i < len; i++) {
		const int high = value(text[2 * i]);
		const int low = high < 0 ? -1 : value(text[2 * i + 1]);

		if (low < 0)
			return EINVAL;
		b[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
