/*
 * shard: the names whose hash says so, and the lock over them.
 *
 * An entry is a name that has sessions, or is watched, or both; a room is an
 * entry of a space of its own, whose sessions are its members.  Everything
 * here is called with the shard's lock held.
 *
 * SHARED: lock.
 */
#ifndef RELAY_DIRECTORY_SHARD_H
#define RELAY_DIRECTORY_SHARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "directory/directory.h"

struct table;

enum { DIRECTORY_ROOMS = DIRECTORY_SPACES, DIRECTORY_ALL_SPACES };

/* Of a name: its session, and the room that is in (NULL: none).  Of a room: a
 * member, and its name. */
struct dir_session {
	struct directory_place place;
	char *label;
};

struct dir_watch {
	struct directory_place place;
	char *viewer; /* who watches */
};

struct dir_entry {
	struct dir_session *sessions;
	struct dir_watch *watches;
	char **listed;
	uint32_t watch_count;
	uint8_t session_count;
	uint8_t listed_count;
	uint8_t space;
	uint8_t presence;
	bool is_exclusive;
	uint8_t len;
	char name[]; /* not terminated */
};

struct dir_shard {
	_Alignas(64) pthread_mutex_t lock;
	struct table *names;
	/* under the lock */
	uint64_t bytes;
	uint64_t names_held[DIRECTORY_ALL_SPACES];
	uint64_t sessions_held[DIRECTORY_ALL_SPACES];
	uint64_t watches_held;
};

/* Returns 0 or ENOMEM. */
MUST_CHECK int dir_shard_init(struct dir_shard *sh);
void dir_shard_fini(struct dir_shard *sh);

uint32_t dir_shard_hash(const struct directory_name *name);

/* NULL when it is not there. */
struct dir_entry *dir_shard_find(
    const struct dir_shard *sh, uint32_t hash, const struct directory_name *n);
/* The same, made where it is not there; NULL: memory is short. */
struct dir_entry *dir_shard_need(
    struct dir_shard *sh, uint32_t hash, const struct directory_name *n);
/* Frees e when nobody is there and nobody watches. */
void dir_shard_tidy(struct dir_shard *sh, uint32_t hash, struct dir_entry *e);

/* label is copied; NULL is legal.  Returns 0 or ENOMEM. */
MUST_CHECK int dir_entry_add(struct dir_shard *sh, struct dir_entry *e,
    const struct directory_place *place, const char *label, size_t len);
/* The session at place, of that epoch too; NULL: none. */
struct dir_session *
dir_entry_session(struct dir_entry *e, const struct directory_place *place);
void dir_entry_remove(
    struct dir_shard *sh, struct dir_entry *e, struct dir_session *s);

/* As dir_entry_add; the same session twice is once. */
MUST_CHECK int dir_entry_watch(struct dir_shard *sh, struct dir_entry *e,
    const struct directory_place *place, const struct directory_name *viewer);
void dir_entry_unwatch(struct dir_shard *sh, struct dir_entry *e,
    const struct directory_place *place);

/* Who may see e.  Returns 0 or ENOMEM (as it was). */
MUST_CHECK int dir_entry_show(
    struct dir_shard *sh, struct dir_entry *e, const struct directory_claim *c);
bool
dir_entry_is_shown(const struct dir_entry *e, const char *viewer, size_t len);

#endif
