/* fuzz: what a listener makes of first bytes: demux, and the PROXY header
 * whose length is told by itself. */
#include <assert.h>
#include <string.h>

#include "net/demux.h"
#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_proxy(const uint8_t *data, size_t size)
{
	struct net_proxy p;
	size_t whole;

	memset(&p, 0xee, sizeof(p));
	if (net_proxy_parse(&p, data, size) != 0)
		return;
	assert(net_demux_stream(data, size) == NET_DEMUX_PROXY);
	assert(net_proxy_size(&whole, data) == 0 && whole == size);
	assert(p.is_local || addr_family(&p.client) == addr_family(&p.local));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const enum net_demux datagram = net_demux_datagram(data, size);
	const enum net_demux stream = net_demux_stream(data, size);

	/* STUN is the one thing both kinds may begin with */
	assert((datagram == NET_DEMUX_STUN) == (stream == NET_DEMUX_STUN));
	if (datagram == NET_DEMUX_CHANNEL)
		assert(data[0] >> 6 == 1);
	check_proxy(data, size);
	return 0;
}
