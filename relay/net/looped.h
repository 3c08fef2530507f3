/*
 * looped: the descriptor that libevent waits on.
 *
 * libevent tells it to nobody, the kernel does: /proc/self/fdinfo of an
 * epoll descriptor names the descriptors it watches.
 */
#ifndef RELAY_NET_LOOPED_H
#define RELAY_NET_LOOPED_H

struct event_base;

/* Returns the descriptor, which stays base's, or -1 when it is not found. */
int net_looped_fd(struct event_base *base);

#endif
