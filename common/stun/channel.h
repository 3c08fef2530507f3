/*
 * channel: ChannelData (RFC 8656, section 12.4) and the framing of STUN and
 * ChannelData on a stream (RFC 8489, section 6.2.2).
 *
 *	 0                   1                   2                   3
 *	+-------------------------------+-------------------------------+
 *	|  Channel Number 0x4000-0x7FFF |            Length             |
 *	+-------------------------------+-------------------------------+
 *	|                       Application Data ...   (padded to 4 on  |
 *	|                                               streams only)   |
 */
#ifndef COMMON_STUN_CHANNEL_H
#define COMMON_STUN_CHANNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

enum {
	STUN_CHANNEL_HEADER_LEN = 4,
	STUN_CHANNEL_MIN = 0x4000, /* RFC 8656, section 12 */
	/* RFC 8656 ends at 0x4FFF; clients of RFC 5766 use all up to here, and
	 * first bytes 80-127 mean nothing else (RFC 7983) */
	STUN_CHANNEL_MAX = 0x7FFF,
	STUN_FRAME_NEED = 4, /* bytes from which a frame's size is known */
};

static inline bool
stun_channel_is_valid(uint16_t number)
{
	return number >= STUN_CHANNEL_MIN && number <= STUN_CHANNEL_MAX;
}

/*
 * Reads the header of a datagram.  Datagrams may carry padding behind the
 * data.  Returns 0 or EBADMSG (shorter than it says, number out of range).
 */
MUST_CHECK static inline int
stun_channel_parse(
    uint16_t *number, size_t *len, const uint8_t *data, size_t size)
{
	uint16_t n, told;

	if (size < STUN_CHANNEL_HEADER_LEN)
		return EBADMSG;
	n = (uint16_t)(data[0] << 8 | data[1]);
	told = (uint16_t)(data[2] << 8 | data[3]);
	if (!stun_channel_is_valid(n) || told > size - STUN_CHANNEL_HEADER_LEN)
		return EBADMSG;
	*number = n;
	*len = told;
	return 0;
}

static inline void
stun_channel_header(
    uint8_t out[STUN_CHANNEL_HEADER_LEN], uint16_t number, size_t len)
{
	out[0] = (uint8_t)(number >> 8);
	out[1] = (uint8_t)number;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
}

/*
 * How long is the frame that begins at data (size >= STUN_FRAME_NEED) on a
 * stream?  *frame is what to consume, padding included; *message without
 * padding.  Returns 0 or EBADMSG (neither STUN nor ChannelData, STUN length
 * not a multiple of 4: the stream is lost and must be closed).
 */
MUST_CHECK int stun_frame_size(
    size_t *frame, size_t *message, const uint8_t *data, size_t size);

#endif
