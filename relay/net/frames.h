/*
 * frames: STUN and ChannelData on a stream (RFC 8489, section 6.2.2).
 *
 * Frames are cut out of what arrived and handed to the sink where they lie;
 * what is sent is padded to four bytes.
 *
 * OWNER: worker.
 */
#ifndef RELAY_NET_FRAMES_H
#define RELAY_NET_FRAMES_H

#include "net/stream.h"

extern const struct net_protocol net_frames;

#endif
