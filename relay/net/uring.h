/*
 * uring: the datagram path of one worker by io_uring.
 *
 * Receives multishot on every socket that is watched, into slots that the
 * kernel takes by itself, and carries what net/out hands over: all of it
 * enters the kernel with the same system call that waits for more.
 *
 * Two ways to wait.  Where the loop calls net_wait, it waits here, and the
 * descriptor that libevent waits on is polled by the ring.  Else (and where
 * that descriptor is not found) the ring is one event of libevent's loop.
 *
 * Sends never block and are complete when the call that submits them
 * returns; only what failed is reported.
 *
 * OWNER: worker, whose thread makes it: the kernel takes it from no other.
 */
#ifndef RELAY_NET_URING_H
#define RELAY_NET_URING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/list.h"

struct net;
struct net_uring;

/*
 * A socket that the ring receives on; part of net_udp and net_relayed.
 *
 *	idle -watch-> armed -unwatch-> stopped; armed -end-> armed again
 *
 * The kernel knows it by its address as long as is_armed: it must not be
 * freed before, even when it is stopped.
 */
struct net_watch {
	/* a datagram is in BATCH_ONE of the batch */
	void (*got)(struct net_watch *w);
	/* the socket may have an error to tell */
	void (*failed)(struct net_watch *w);
	int fd;
	bool wants_local; /* a control message tells where it was sent to */
	bool is_armed;
	bool is_stopped;
	struct list node; /* to be armed, or in trouble */
};

enum { URING_SENDS = 512 /* between two submissions */ };

/* Returns NULL where the kernel, or who governs it, has no ring for us.
 * waits: the loop calls net_wait. */
struct net_uring *net_uring_new(struct net *n, bool waits);
/* Ends all watching first, so that the sockets' ports are free when they are
 * closed.  NULL is legal. */
void net_uring_free(struct net_uring *u);

/* Waits for anything, ms at most, and hands it up; false: not the way. */
bool net_uring_wait(struct net_uring *u, int ms);
/* Is waiting here the way?  Then sends may stay until it. */
bool net_uring_is_loop(const struct net_uring *u);

void net_uring_watch(struct net_uring *u, struct net_watch *w);
/* The kernel lets go of its socket: closed, its port is free. */
void net_uring_unwatch(struct net_uring *u, struct net_watch *w);
/* A send was refused on its socket: failed is called soon. */
void net_uring_trouble(struct net_uring *u, struct net_watch *w);
/* Calls failed where it is due.  Returns whether it was anywhere. */
bool net_uring_settle(struct net_uring *u);

/* At the end of a turn, where libevent waits: nothing is left for the next. */
void net_uring_turn_end(struct net_uring *u);

/* Puts one message among those to be submitted; m and all it points to stay
 * until net_out_sent.  tag: below URING_SENDS. */
void net_uring_send(
    struct net_uring *u, int fd, const struct msghdr *m, unsigned tag);
/* Submits; net_out_failed and net_out_sent are told. */
void net_uring_submit(struct net_uring *u);

#endif
