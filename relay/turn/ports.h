/*
 * ports: which relayed ports of which relay address are in use, by any
 * worker; also answers whether an address is a live relayed address of ours.
 *
 * One bit a port, taken at a random place (CSPRNG) of the range.  SHARED:
 * atomics; reservations (EVEN-PORT) have a lock of their own.
 */
#ifndef RELAY_TURN_PORTS_H
#define RELAY_TURN_PORTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/mono.h"
#include "common/stun/attr.h"

struct snapshot;
struct turn_leg;
struct turn_ports;

enum {
	TURN_PORTS_RESERVATION_MS = 30 * 1000, /* RFC 8656, section 7.2 */
	TURN_PORTS_RESERVATIONS_MAX = 1024,
	/* a mark: worker + 1, which is never 0, and a count of openings; it
	 * comes round after eight million */
	TURN_PORT_WORKER_BITS = 9,
	TURN_PORT_WORKER_MASK = (1 << TURN_PORT_WORKER_BITS) - 1,
};

/* Knows every address of conf->relay.addresses and its outside. */
struct turn_ports *turn_ports_new(const struct snapshot *conf);
void turn_ports_free(struct turn_ports *p);

enum turn_ports_want {
	TURN_PORTS_ANY,
	TURN_PORTS_EVEN, /* EVEN-PORT, R = 0 */
	TURN_PORTS_PAIR, /* EVEN-PORT, R = 1: also keeps port + 1 */
};

/*
 * Takes a port of a relay address of family (AF_INET, AF_INET6); *at is what
 * to bind.  Addresses are used in turn.  With TURN_PORTS_PAIR, token names
 * the reservation of the port above.  Returns 0, 440 (no address of that
 * family) or 508 (no port).
 */
MUST_CHECK int
turn_ports_take(struct addr *at, struct turn_ports *p, int family,
    enum turn_ports_want want, uint8_t token[STUN_TOKEN_LEN], mono_ms now);
/* Takes what a token reserves; a token works once.  0 or 508. */
MUST_CHECK int turn_ports_redeem(struct addr *at, struct turn_ports *p,
    const uint8_t token[STUN_TOKEN_LEN], mono_ms now);
/* at, a port that was taken, is bound by worker for leg (borrowed until
 * turn_ports_give): from now on it is live. */
void turn_ports_opened(struct turn_ports *p, const struct addr *at,
    unsigned worker, struct turn_leg *leg);
/* Gives a taken port back. */
void turn_ports_give(struct turn_ports *p, const struct addr *at);
/* Gives expired reservations back.  Called now and then by any worker. */
void turn_ports_expire(struct turn_ports *p, mono_ms now);

/* Is a (inside or outside address) an open relayed address?  One that is
 * only reserved is not: another program may sit there.  Called per packet. */
bool turn_ports_is_live(const struct turn_ports *p, const struct addr *a);

/* One port of a relay address, open or not. */
struct turn_port {
	/* SHARED: atomic; written as the port is opened and given back */
	_Atomic uint32_t mark;
	struct turn_leg *leg; /* OWNER: the marked worker */
};

/* The port of a (inside form), or NULL: none of ours.  Good as long as p. */
const struct turn_port *
turn_ports_find(const struct turn_ports *p, const struct addr *a);

/*
 * The mark of a live relayed address: whose it is, and which of its
 * openings, so that who takes a port again has another one.  0: not live;
 * port NULL: never.  Called per packet: one load.
 */
static inline uint32_t
turn_port_mark(const struct turn_port *port)
{
	if (port == NULL)
		return 0;
	return atomic_load_explicit(&port->mark, memory_order_relaxed);
}

/* Whose mark it is only: the leg of port, if mark is still its; else NULL. */
static inline struct turn_leg *
turn_port_leg(const struct turn_port *port, uint32_t mark)
{
	return turn_port_mark(port) == mark ? port->leg : NULL;
}

static inline unsigned
turn_port_worker(uint32_t mark)
{
	return (mark & TURN_PORT_WORKER_MASK) - 1;
}

/* How many are taken or reserved, of all addresses.  Looks at each bit. */
unsigned turn_ports_taken(const struct turn_ports *p);

/* relay.external: inside -> outside and back; an address that has no other
 * side comes out unchanged.  Port is kept. */
void turn_ports_outside(const struct turn_ports *p, struct addr *a);
void turn_ports_inside(const struct turn_ports *p, struct addr *a);

#endif
