#include "net/dtls.h"

#include "common/mem.h"
#include "net/core.h"

struct net_dtls {
	struct net *net;
};

struct net_dtls *
net_dtls_new(struct net *n)
{
	struct net_dtls *d = mem_try(1, sizeof(*d));

	if (d != NULL)
		d->net = n;
	return d;
}

void
net_dtls_free(struct net_dtls *d)
{
	mem_free(d);
}

void
net_dtls_apply(struct net_dtls *d)
{
	(void)d;
}

void
net_dtls_feed(
    struct net_dtls *d, const struct net_flow *from, const struct buf *b)
{
	(void)from;
	(void)b;
	net_dropped(d->net, STATS_DROP_TLS_FAILED);
}

size_t
net_dtls_count(const struct net_dtls *d)
{
	(void)d;
	return 0;
}
