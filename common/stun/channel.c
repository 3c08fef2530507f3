#include "common/stun/channel.h"

#include <errno.h>
#include <string.h>

#include "common/stun/attr.h"

static uint16_t
read_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

int
stun_channel_parse(
    uint16_t *number, size_t *len, const uint8_t *data, size_t size)
{
	uint16_t n, told;

	if (size < STUN_CHANNEL_HEADER_LEN)
		return EBADMSG;
	n = read_u16(data);
	told = read_u16(data + 2);
	if (!stun_channel_is_valid(n) || told > size - STUN_CHANNEL_HEADER_LEN)
		return EBADMSG;
	*number = n;
	*len = told;
	return 0;
}

void
stun_channel_header(
    uint8_t out[STUN_CHANNEL_HEADER_LEN], uint16_t number, size_t len)
{
	out[0] = (uint8_t)(number >> 8);
	out[1] = (uint8_t)number;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
}

static bool
is_stun_start(const uint8_t *data, size_t size)
{
	static const uint8_t cookie[] = { 0x21, 0x12, 0xA4, 0x42 };

	return data[0] >> 6 == 0 && read_u16(data + 2) % STUN_PADDING == 0 &&
	    (size < 8 || memcmp(data + 4, cookie, sizeof(cookie)) == 0);
}

int
stun_frame_size(
    size_t *frame, size_t *message, const uint8_t *data, size_t size)
{
	const size_t len = read_u16(data + 2);

	if (is_stun_start(data, size))
		*message = STUN_HEADER_LEN + len;
	else if (stun_channel_is_valid(read_u16(data)))
		*message = STUN_CHANNEL_HEADER_LEN + len;
	else
		return EBADMSG;
	*frame = stun_padded(*message);
	return 0;
}
