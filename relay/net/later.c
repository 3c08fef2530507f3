#include "net/later.h"

#include <assert.h>
#include <string.h>

const struct msghdr *
net_later_keep(struct net_later *l, const struct net_later_item *item,
    const struct msghdr *m)
{
	struct msghdr *kept = &l->msgs[l->count];
	struct iovec *iov = &l->iov[l->pieces];

	assert(l->count < URING_SENDS &&
	    l->pieces + m->msg_iovlen <= LATER_PIECES &&
	    m->msg_controllen <= LATER_CONTROL);
	*kept = *m;
	kept->msg_iov = iov;
	memcpy(iov, m->msg_iov, m->msg_iovlen * sizeof(*iov));
	l->pieces += (unsigned)m->msg_iovlen;
	if (m->msg_control != NULL) {
		kept->msg_control = l->control[l->count];
		memcpy(kept->msg_control, m->msg_control, m->msg_controllen);
	}
	l->items[l->count++] = *item;
	return kept;
}
