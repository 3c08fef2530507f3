#include "common/base64url.h"

#include <errno.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789-_";

const char *
base64url_write(char *out, const void *data, size_t len)
{
	const uint8_t *in = data;
	char *at = out;
	uint32_t bits = 0;
	unsigned held = 0;

	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8 | in[i]) & 0xffff;
		for (held += 8; held >= 6; held -= 6)
			*at++ = letters[bits >> (held - 6) & 63];
	}
	if (held > 0)
		*at++ = letters[bits << (6 - held) & 63];
	*at = '\0';
	return out;
}

/* 0 to 63, or -1. */
static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

int
base64url_read(
    void *out, size_t room, size_t *got, const char *text, size_t len)
{
	uint8_t *to = out;
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;
	int v;

	if (len % 4 == 1)
		return EINVAL;
	if (len * 3 / 4 > room)
		return ENOSPC;
	for (size_t i = 0; i < len; i++) {
		if ((v = value_of(text[i])) < 0)
			return EINVAL;
		bits = (bits << 6 | (unsigned)v) & 0xffff;
		if ((held += 6) >= 8)
			to[n++] = (uint8_t)(bits >> (held -= 8));
	}
	if ((bits & ((1u << held) - 1)) != 0)
		return EINVAL;
	*got = n;
	return 0;
}
