/*
 * segments: how many TCP segments a connection really took, acknowledgements
 * and repetitions included, as the kernel counts them.
 */
#ifndef RELAY_NET_SEGMENTS_H
#define RELAY_NET_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

struct net_segments {
	uint32_t in, out;  /* wrap */
	uint32_t repeated; /* bytes sent again; wraps */
	unsigned options;  /* bytes of each header */
};

/* False when fd is no TCP socket. */
bool net_segments_read(struct net_segments *s, int fd);

#endif
