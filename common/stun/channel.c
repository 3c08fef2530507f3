#include "common/stun/channel.h"

#include <errno.h>
#include <string.h>

#include "common/stun/attr.h"

static uint16_t
read_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
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
