/*
 * door: which part of signalling a request is for.
 *
 * OWNER: worker.
 */
#ifndef RELAY_SIGNALLING_DOOR_H
#define RELAY_SIGNALLING_DOOR_H

#include <stdbool.h>
#include <stddef.h>

struct net_request;
struct snapshot;

/* May a page of r's Origin speak to us?  Who sends none is no browser. */
bool
signal_door_origin(const struct snapshot *conf, const struct net_request *r);

/* Does the list of Sec-WebSocket-Protocol have name? */
bool signal_door_offers(const char *protocols, const char *name);

#endif
