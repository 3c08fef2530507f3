/*
 * demux: what do these first bytes begin?  Pure.
 *
 * Datagrams: RFC 7983.  Streams: one byte decides, for a stream begins with
 * a request; so 0x41-0x5A is HTTP there, though ChannelData (0x40-0x7F)
 * may follow later.
 */
#ifndef RELAY_NET_DEMUX_H
#define RELAY_NET_DEMUX_H

#include <stddef.h>
#include <stdint.h>

enum net_demux {
	NET_DEMUX_NONE, /* no protocol we speak */
	NET_DEMUX_STUN,
	NET_DEMUX_CHANNEL,
	NET_DEMUX_DTLS,
	NET_DEMUX_TLS,
	NET_DEMUX_HTTP,
	NET_DEMUX_PROXY,
};

enum net_demux net_demux_datagram(const uint8_t *data, size_t len);
enum net_demux net_demux_stream(const uint8_t *data, size_t len);

#endif
