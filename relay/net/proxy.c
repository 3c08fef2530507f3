#include "net/proxy.h"

#include <errno.h>
#include <string.h>

#include "common/cursor.h"

enum {
	VERSION_LOCAL = 0x20, /* version 2 and its commands */
	VERSION_PROXY = 0x21,
	TCP4 = 0x11,
	TCP6 = 0x21,
	MAPPED_LEN = 12, /* of ::ffff:0:0/96 */
};

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

int
net_proxy_size(size_t *size, const uint8_t head[PROXY_HEAD_LEN])
{
	const size_t whole =
	    PROXY_HEAD_LEN + (size_t)(head[14] << 8 | head[15]);

	if (memcmp(head, signature, sizeof(signature)) != 0 ||
	    whole > PROXY_MAX)
		return EBADMSG;
	*size = whole;
	return 0;
}

static bool
is_mapped(const uint8_t host[16])
{
	static const uint8_t prefix[MAPPED_LEN] = { [10] = 0xff, [11] = 0xff };

	return memcmp(host, prefix, sizeof(prefix)) == 0;
}

/* Source and destination, host by host and then port by port. */
static int
read_addrs(struct net_proxy *out, struct cursor *c, size_t host_len)
{
	const uint8_t *client = cursor_bytes(c, host_len);
	const uint8_t *local = cursor_bytes(c, host_len);
	const uint16_t client_port = cursor_u16(c);
	const uint16_t local_port = cursor_u16(c);

	if (c->bad)
		return EBADMSG;
	/* a balancer that listens on IPv6 for both says ::ffff:192.0.2.1 of
	 * an IPv4 client: as IPv6, all of them would share one prefix */
	if (host_len == 16 && is_mapped(client) && is_mapped(local)) {
		client += MAPPED_LEN;
		local += MAPPED_LEN;
		host_len -= MAPPED_LEN;
	}
	addr_make(&out->client, client, host_len, client_port);
	addr_make(&out->local, local, host_len, local_port);
	return 0;
}

int
net_proxy_parse(struct net_proxy *out, const uint8_t *data, size_t len)
{
	struct net_proxy p = { .is_local = false };
	struct cursor c;
	size_t size;
	uint8_t command, family;

	if (len < PROXY_HEAD_LEN || net_proxy_size(&size, data) != 0 ||
	    size != len)
		return EBADMSG;
	cursor_init(&c, data, len);
	cursor_bytes(&c, sizeof(signature));
	command = cursor_u8(&c);
	family = cursor_u8(&c);
	cursor_u16(&c);
	if (command == VERSION_LOCAL)
		p.is_local = true;
	else if (command != VERSION_PROXY ||
	    (family != TCP4 && family != TCP6) ||
	    read_addrs(&p, &c, family == TCP4 ? 4 : 16) != 0)
		return EBADMSG;
	*out = p;
	return 0;
}
