/* fuzz: the PROXY v2 header, as a stream gives it: first the fixed part, which
 * tells how long it is, then the rest.  Compared with a second reading of
 * what the addresses must be. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/demux.h"
#include "net/proxy.h"

enum { FAMILY = 13, PORTS_LEN = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The ports stand behind both hosts, whatever becomes of those. */
static void
check_ports(const struct net_proxy *p, const uint8_t *data)
{
	const size_t hosts = data[FAMILY] == 0x11 ? 8 : 32;
	const uint8_t *ports = data + PROXY_HEAD_LEN + hosts;

	assert(addr_port(&p->client) == (ports[0] << 8 | ports[1]));
	assert(addr_port(&p->local) == (ports[2] << 8 | ports[3]));
}

static void
check_host(const struct addr *a, const uint8_t *host, size_t len)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t got_len;
	const uint8_t *got = addr_host(a, &got_len);

	/* shorter: IPv4 inside of IPv6 */
	assert(got_len == len ||
	    (got_len == 4 && memcmp(host, mapped, sizeof(mapped)) == 0));
	assert(memcmp(got, host + len - got_len, got_len) == 0);
}

static void
check(const struct net_proxy *p, const uint8_t *data, size_t size)
{
	const size_t host = data[FAMILY] == 0x11 ? 4 : 16;

	assert(net_demux_stream(data, size) == NET_DEMUX_PROXY);
	if (p->is_local)
		return;
	assert(size >= PROXY_HEAD_LEN + 2 * host + PORTS_LEN);
	assert(addr_family(&p->client) == addr_family(&p->local));
	check_host(&p->client, data + PROXY_HEAD_LEN, host);
	check_host(&p->local, data + PROXY_HEAD_LEN + host, host);
	check_ports(p, data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_proxy p;
	size_t whole = 0;

	if (size < PROXY_HEAD_LEN) {
		assert(net_proxy_parse(&p, data, size) == EBADMSG);
		return 0;
	}
	if (net_proxy_size(&whole, data) != 0) {
		assert(net_proxy_parse(&p, data, size) == EBADMSG);
		return 0;
	}
	assert(whole >= PROXY_HEAD_LEN && whole <= PROXY_MAX);
	/* the stream waits for the rest, and hands over nothing behind it */
	if (size < whole)
		return 0;
	if (net_proxy_parse(&p, data, whole) == 0)
		check(&p, data, whole);
	if (size > whole)
		assert(net_proxy_parse(&p, data, size) == EBADMSG);
	return 0;
}
