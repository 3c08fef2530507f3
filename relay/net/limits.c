#include "net/limits.h"

#include <stdatomic.h>
#include <sys/resource.h>

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
	/* FROZEN: after net_limits_new */
	rlim_t fds; /* for clients */
	/* SHARED: atomic */
	_Atomic unsigned all;
	_Atomic unsigned cells[ROWS][CELLS];
};

static rlim_t
count_fds(void)
{
	struct rlimit lim;
	rlim_t spare;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return RLIM_INFINITY;
	spare = lim.rlim_cur / 4;
	return lim.rlim_cur -
	    (spare < LIMITS_FDS_SPARE ? spare : LIMITS_FDS_SPARE);
}

struct net_limits *
net_limits_new(void)
{
	struct net_limits *l = mem_try(1, sizeof(*l));

	if (l != NULL)
		l->fds = count_fds();
	return l;
}

bool
net_limits_has_fd(const struct net_limits *l, int fd)
{
	return (rlim_t)fd < l->fds;
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
