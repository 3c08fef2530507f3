/*
 * directory: which nodes are there, and where.
 *
 * A name has sessions, each at a place: a worker and a number.  Names are
 * sharded; a shard's lock is held for the probe only, everything found is
 * copied out.  Claims carry an epoch: what an older one says of the same
 * session (release, move) changes nothing.
 *
 * SHARED: any thread.
 */
#ifndef RELAY_DIRECTORY_DIRECTORY_H
#define RELAY_DIRECTORY_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

struct directory;

enum {
	DIRECTORY_SHARDS = 256,
	DIRECTORY_NAME_MAX = 255,
	DIRECTORY_PLACES_MAX = 64,  /* sessions a name can have */
	DIRECTORY_LISTED_MAX = 64,  /* names that may watch */
	DIRECTORY_MEMBERS_MAX = 64, /* of a room */
	DIRECTORY_ROOM_MAX = 64,    /* bytes of its name */
};

/* Names of different spaces never meet. */
enum directory_space { DIRECTORY_NODES, DIRECTORY_PEERJS, DIRECTORY_SPACES };

struct directory_name {
	enum directory_space space;
	const char *at; /* borrowed */
	size_t len;
};

struct directory_place {
	uint64_t session; /* unique in the process, random, never 0 */
	uint64_t epoch;   /* of the claim; set by the directory */
	unsigned worker;
};

/* Who may see that a name is there (find, watch). */
enum directory_presence {
	DIRECTORY_EVERYONE,
	DIRECTORY_LISTED,
	DIRECTORY_NOBODY
};

struct directory_claim {
	struct directory_name name;
	struct directory_place place; /* its epoch is set */
	unsigned limit;               /* sessions of this name */
	bool is_exclusive;            /* nobody else may have the name */
	enum directory_presence presence;
	const char *const *listed; /* terminated; copied */
	size_t listed_count;
	const char *room; /* "" or NULL: in none; DIRECTORY_ROOM_MAX */
};

/* Whom to tell that a name came or went.  A growing array, the caller's. */
struct directory_watcher {
	struct directory_place place;
};
struct directory_watchers {
	struct directory_watcher *at;
	size_t count, room;
};
void directory_watchers_free(struct directory_watchers *w);

/* Returns NULL when memory is short. */
struct directory *directory_new(void);
void directory_free(struct directory *d);

/*
 * Adds a session.  Sets c->place.epoch; *came: the name was not there before;
 * watchers (may be NULL) gets whom to tell, only if it came or joined a room.
 * Returns 0, EEXIST (an exclusive name is held), EUSERS (c->limit), ENOSPC
 * (the room is full) or ENOMEM.  The newest session's presence holds for the
 * name.
 */
MUST_CHECK int directory_claim(struct directory *d, struct directory_claim *c,
    bool *came, struct directory_watchers *watchers);
/* The session old is now at place (its epoch is set).  Returns 0, or ENOENT:
 * old is not there, or not with that epoch. */
MUST_CHECK int
directory_move(struct directory *d, const struct directory_name *name,
    const struct directory_place *old, struct directory_place *place);
/* Removes place's session; a later claim of the same one stays.  *left: it
 * was the last one of the name.  watchers: as for a claim, when it left the
 * name or its room. */
void directory_release(struct directory *d, const struct directory_name *name,
    const struct directory_place *place, bool *left,
    struct directory_watchers *watchers);

/* Copies the places of name, at most max.  Returns how many. */
size_t directory_find(struct directory *d, const struct directory_name *name,
    struct directory_place *out, size_t max);
/* As it looks to viewer (a name of the same space): the number of sessions, 0
 * also where viewer may not see them. */
size_t directory_look(struct directory *d, const struct directory_name *name,
    const struct directory_name *viewer);

/* From now on watcher (the place of viewer's session) is told about name, as
 * far as it may see it; *online as directory_look.  A name may be watched
 * before it is there.  Returns 0 or ENOMEM; twice is once. */
MUST_CHECK int directory_watch(struct directory *d,
    const struct directory_name *name, const struct directory_name *viewer,
    const struct directory_place *watcher, bool *online);
void directory_unwatch(struct directory *d, const struct directory_name *name,
    const struct directory_place *watcher);

/* The others in a room: calls fn with a copy of each member's name. */
typedef void directory_member_fn(void *arg, const struct directory_name *name);
void directory_room(
    struct directory *d, const char *room, directory_member_fn *fn, void *arg);

/* Is any of name's sessions there?  For ids that are made up. */
bool directory_has(struct directory *d, const struct directory_name *name);

/* Calls fn for names of a space until it returns false; a shard is copied
 * before.  Returns the number of names of the space. */
typedef bool directory_name_fn(
    void *arg, const struct directory_name *name, size_t sessions);
size_t directory_list(struct directory *d, enum directory_space space,
    directory_name_fn *fn, void *arg);

struct directory_counts {
	uint64_t names[DIRECTORY_SPACES];
	uint64_t sessions[DIRECTORY_SPACES];
	uint64_t watches;
	uint64_t bytes; /* held */
};
void directory_count(struct directory *d, struct directory_counts *out);

#endif
