#include "net/limits.h"

#include <stdatomic.h>

#include "common/mem.h"
#include "common/table.h"
#include "relay/snapshot.h"

enum {
	ROWS = 2,
	CELLS = 16384, /* a row: 64 KiB */
	V4_BITS = 24,
	V6_BITS = 56,
};

struct net_limits {
	/* SHARED: atomic */
	_Atomic unsigned all;
	_Atomic unsigned cells[ROWS][CELLS];
};

struct net_limits *
net_limits_new(void)
{
	return mem_try(1, sizeof(struct net_limits));
}

void
net_limits_free(struct net_limits *l)
{
	mem_free(l);
}

/* Two independent hashes: halves of one would share their cells. */
static void
find_cells(struct net_limits *l, const struct addr *client,
    _Atomic unsigned *out[ROWS])
{
	struct addr prefix;

	addr_mask(&prefix, client, V4_BITS, V6_BITS);
	for (unsigned row = 0; row < ROWS; row++) {
		addr_set_port(&prefix, (uint16_t)row); /* salts the hash */
		out[row] = &l->cells[row][table_hash_addr(&prefix) % CELLS];
	}
}

static bool
is_at(const _Atomic unsigned *n, unsigned limit)
{
	return limit != 0 &&
	    atomic_load_explicit(n, memory_order_relaxed) >= limit;
}

/* Workers that ask at the same moment may go over by one each. */
bool
net_limits_take(struct net_limits *l, const struct snapshot *conf,
    const struct addr *client)
{
	const unsigned per = conf->caps.connections_per_prefix;
	_Atomic unsigned *cell[ROWS];

	find_cells(l, client, cell);
	if (is_at(&l->all, conf->caps.connections) ||
	    (is_at(cell[0], per) && is_at(cell[1], per)))
		return false;
	atomic_fetch_add_explicit(&l->all, 1, memory_order_relaxed);
	for (unsigned row = 0; row < ROWS; row++)
		atomic_fetch_add_explicit(cell[row], 1, memory_order_relaxed);
	return true;
}

void
net_limits_give(struct net_limits *l, const struct addr *client)
{
	_Atomic unsigned *cell[ROWS];

	find_cells(l, client, cell);
	atomic_fetch_sub_explicit(&l->all, 1, memory_order_relaxed);
	for (unsigned row = 0; row < ROWS; row++)
		atomic_fetch_sub_explicit(cell[row], 1, memory_order_relaxed);
}
