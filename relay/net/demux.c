#include "net/demux.h"

enum net_demux
net_demux_datagram(const uint8_t *data, size_t len)
{
	if (len == 0)
		return NET_DEMUX_NONE;
	/* RFC 7983, section 7 */
	if (data[0] <= 3)
		return NET_DEMUX_STUN;
	if (data[0] >= 64 && data[0] <= 127) /* 80-127: RFC 5766 */
		return NET_DEMUX_CHANNEL;
	if (data[0] >= 20 && data[0] <= 63)
		return NET_DEMUX_DTLS;
	return NET_DEMUX_NONE;
}

enum net_demux
net_demux_stream(const uint8_t *data, size_t len)
{
	if (len == 0)
		return NET_DEMUX_NONE;
	if (data[0] <= 3)
		return NET_DEMUX_STUN;
	if (data[0] == 0x16) /* ContentType handshake: RFC 8446, 5.1 */
		return NET_DEMUX_TLS;
	if (data[0] >= 'A' && data[0] <= 'Z')
		return NET_DEMUX_HTTP;
	if (data[0] == '\r') /* first byte of PROXY v2's signature */
		return NET_DEMUX_PROXY;
	return NET_DEMUX_NONE;
}
