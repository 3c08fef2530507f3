/*
 * rest: what a listener of the main thread does when accepting fails.
 *
 * OWNER: main.
 */
#ifndef RELAY_REST_H
#define RELAY_REST_H

struct evconnlistener;

enum { REST_MS = 100 };

/* From now on l stops for REST_MS when it cannot accept: a connection that
 * waits while descriptors are short keeps l readable and would keep the loop
 * turning.  l must not be freed while its base still turns. */
void rest_on_error(struct evconnlistener *l);

#endif
