#include "common/ws/utf8.h"

#include <string.h>

/* How many of the first bytes are ASCII, in steps of 8. */
static size_t
skip_ascii(const uint8_t *data, size_t len)
{
	size_t n = 0;
	uint64_t word;

	for (; len - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, data + n, sizeof(word));
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	return n;
}

/* The first byte of a character: RFC 3629, section 4.  Its second byte is
 * what keeps out overlong forms, surrogates and what is beyond U+10FFFF. */
static bool
begin(struct ws_utf8 *u, uint8_t byte)
{
	u->least = 0x80;
	u->most = 0xbf;
	if (byte < 0x80)
		return true;
	if (byte < 0xc2 || byte > 0xf4)
		return false;
	u->missing = (uint8_t)(byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3);
	if (byte == 0xe0)
		u->least = 0xa0;
	else if (byte == 0xf0)
		u->least = 0x90;
	else if (byte == 0xed)
		u->most = 0x9f;
	else if (byte == 0xf4)
		u->most = 0x8f;
	return true;
}

static bool
go_on(struct ws_utf8 *u, uint8_t byte)
{
	if (byte < u->least || byte > u->most)
		return false;
	u->missing--;
	u->least = 0x80;
	u->most = 0xbf;
	return true;
}

bool
ws_utf8_feed(struct ws_utf8 *u, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (u->missing == 0) {
			i += skip_ascii(data + i, len - i);
			if (i == len)
				break;
		}
		if (!(u->missing > 0 ? go_on(u, data[i]) : begin(u, data[i])))
			return false;
	}
	return true;
}
