/*
 * memory: what the process keeps in user space, by kind of object, and what
 * the allocator says of the whole.
 *
 * Each worker has a struct memory in its struct stats and is its only
 * writer; anybody may read it.
 */
#ifndef RELAY_MEMORY_H
#define RELAY_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mem.h"

struct json_t; /* jansson's */

/* X(id, label).  Tables are those of allocations and associations by their
 * 5-tuple; packets the slots and queues that packets travel in. */
#define MEMORY_KINDS(X)                      \
	X(ALLOCATIONS, "allocations")        \
	X(PERMISSIONS, "permissions")        \
	X(CHANNELS, "channels")              \
	X(RELAYED, "relayed_sockets")        \
	X(CONNECTIONS, "connections")        \
	X(WEBS, "websockets")                \
	X(STREAMS, "stream_ends")            \
	X(SIGNALLING, "sessions")            \
	X(PEERJS, "peerjs_clients")          \
	X(ASSOCIATIONS, "dtls_associations") \
	X(PACKETS, "packet_slots")           \
	X(TABLES, "tables")                  \
	X(WHEELS, "wheels")
#define MEMORY_ENUM(id, label) MEMORY_##id,
enum memory_kind { MEMORY_KINDS(MEMORY_ENUM) MEMORY_COUNT };

struct memory {
	struct mem_use use[MEMORY_COUNT];
};

/* What jemalloc tells, bytes (jemalloc(3), stats.*). */
struct memory_heap {
	bool is_known; /* false: the process runs on another allocator */
	uint64_t allocated, active, resident, mapped, retained;
};

/* Adds from into sum. */
void memory_sum(struct memory *sum, const struct memory *from);
/* Asks the allocator.  Main thread. */
void memory_heap_read(struct memory_heap *out);

/* Returns a new object {"heap":{...} or null,"objects":{...},"other":n}, NULL
 * when memory is short.  Pure. */
struct json_t *
memory_json(const struct memory *sum, const struct memory_heap *heap);

#endif
