#include "directory/directory.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"
#include "directory/shard.h"

struct directory {
	/* SHARED: atomic */
	_Atomic uint64_t epoch;
	/* SHARED: each under its lock, one at a time */
	struct dir_shard shard[DIRECTORY_SHARDS];
};

struct directory *
directory_new(void)
{
	struct directory *d = mem_try_aligned(sizeof(*d));

	if (d == NULL)
		return NULL;
	for (unsigned i = 0; i < DIRECTORY_SHARDS; i++) {
		if (dir_shard_init(&d->shard[i]) == 0)
			continue;
		directory_free(d);
		return NULL;
	}
	return d;
}

void
directory_free(struct directory *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < DIRECTORY_SHARDS; i++)
		dir_shard_fini(&d->shard[i]);
	mem_free(d);
}

/* ---- one locked probe */

struct probe {
	struct dir_shard *shard;
	uint32_t hash;
	struct dir_entry *entry; /* NULL: not there */
};

/* The low bits of a hash choose the slot in a table. */
static struct probe
begin(struct directory *d, const struct directory_name *name)
{
	const uint32_t hash = dir_shard_hash(name);
	struct probe p = {
		.shard = &d->shard[(hash >> 24) % DIRECTORY_SHARDS],
		.hash = hash,
	};

	assert(name->len <= DIRECTORY_NAME_MAX);
	pthread_mutex_lock(&p.shard->lock);
	p.entry = dir_shard_find(p.shard, hash, name);
	return p;
}

static void
end(struct probe *p)
{
	if (p->entry != NULL)
		dir_shard_tidy(p->shard, p->hash, p->entry);
	pthread_mutex_unlock(&p->shard->lock);
}

static bool
need(struct probe *p, const struct directory_name *name)
{
	if (p->entry == NULL)
		p->entry = dir_shard_need(p->shard, p->hash, name);
	return p->entry != NULL;
}

static struct directory_name
room_name(const char *room)
{
	return (struct directory_name){ (enum directory_space)DIRECTORY_ROOMS,
		room, strlen(room) };
}

/* ---- whom to tell */

void
directory_watchers_free(struct directory_watchers *w)
{
	mem_free(w->at);
	*w = (struct directory_watchers){ 0 };
}

/* Returns 0 or ENOMEM. */
static int
add_watcher(struct directory_watchers *w, const struct directory_place *place)
{
	const size_t room = w->room > 0 ? 2 * w->room : 8;
	struct directory_watcher *more;

	if (w->count == w->room) {
		if ((more = mem_try(room, sizeof(*more))) == NULL)
			return ENOMEM;
		if (w->count > 0)
			memcpy(more, w->at, w->count * sizeof(*more));
		mem_free(w->at);
		w->at = more;
		w->room = room;
	}
	w->at[w->count++].place = *place;
	return 0;
}

/* Those who watch e and may see it.  Who does not fit is not told. */
static void
gather_watchers(struct directory_watchers *w, const struct dir_entry *e)
{
	for (uint32_t i = 0; w != NULL && i < e->watch_count; i++) {
		const struct dir_watch *one = &e->watches[i];

		if (dir_entry_is_shown(e, one->viewer, strlen(one->viewer)) &&
		    add_watcher(w, &one->place) != 0)
			return;
	}
}

static bool
is_member(const struct dir_session *s, const struct directory_name *name)
{
	return strlen(s->label) == name->len &&
	    memcmp(s->label, name->at, name->len) == 0;
}

static bool
has_member(const struct dir_entry *room, const struct directory_name *name)
{
	for (unsigned i = 0; i < room->session_count; i++) {
		if (is_member(&room->sessions[i], name))
			return true;
	}
	return false;
}

/* The members of a room, but name. */
static void
gather_members(struct directory_watchers *w, const struct dir_entry *room,
    const struct directory_name *name)
{
	for (unsigned i = 0; w != NULL && i < room->session_count; i++) {
		if (!is_member(&room->sessions[i], name) &&
		    add_watcher(w, &room->sessions[i].place) != 0)
			return;
	}
}

/* ---- rooms */

/* Returns 0, ENOSPC or ENOMEM. */
static int
enter(struct directory *d, const struct directory_claim *c,
    struct directory_watchers *watchers)
{
	const struct directory_name room = room_name(c->room);
	struct probe p = begin(d, &room);
	bool was_here;
	int rc = ENOMEM;

	if (!need(&p, &room))
		goto out;
	rc = ENOSPC;
	if (p.entry->session_count >= DIRECTORY_MEMBERS_MAX)
		goto out;
	was_here = has_member(p.entry, &c->name);
	rc =
	    dir_entry_add(p.shard, p.entry, &c->place, c->name.at, c->name.len);
	if (rc == 0 && !was_here)
		gather_members(watchers, p.entry, &c->name);
out:
	end(&p);
	return rc;
}

static void
leave(struct directory *d, const char *label, const struct directory_name *name,
    const struct directory_place *place, struct directory_watchers *watchers)
{
	const struct directory_name room = room_name(label);
	struct probe p = begin(d, &room);
	struct dir_session *s =
	    p.entry != NULL ? dir_entry_session(p.entry, place) : NULL;

	if (s != NULL) {
		dir_entry_remove(p.shard, p.entry, s);
		if (!has_member(p.entry, name))
			gather_members(watchers, p.entry, name);
	}
	end(&p);
}

static void
move_member(struct directory *d, const char *label,
    const struct directory_place *old, const struct directory_place *place)
{
	const struct directory_name room = room_name(label);
	struct probe p = begin(d, &room);
	struct dir_session *s =
	    p.entry != NULL ? dir_entry_session(p.entry, old) : NULL;

	if (s != NULL)
		s->place = *place;
	end(&p);
}

void
directory_room(
    struct directory *d, const char *room, directory_member_fn *fn, void *arg)
{
	const struct directory_name name = room_name(room);
	char *copies[DIRECTORY_MEMBERS_MAX];
	struct probe p = begin(d, &name);
	unsigned count = 0;

	for (unsigned i = 0; p.entry != NULL && i < p.entry->session_count;
	     i++) {
		char *copy = mem_strdup(p.entry->sessions[i].label);
		bool is_twice = copy == NULL;

		for (unsigned j = 0; j < count && !is_twice; j++)
			is_twice = strcmp(copies[j], copy) == 0;
		if (is_twice)
			mem_free(copy);
		else
			copies[count++] = copy;
	}
	end(&p);
	for (unsigned i = 0; i < count; i++) {
		fn(arg,
		    &(struct directory_name){
			DIRECTORY_NODES, copies[i], strlen(copies[i]) });
		mem_free(copies[i]);
	}
}

/* ---- claims */

static uint64_t
next_epoch(struct directory *d)
{
	return atomic_fetch_add_explicit(&d->epoch, 1, memory_order_relaxed) +
	    1;
}

/* Returns 0, EEXIST or EUSERS. */
static int
may_claim(const struct dir_entry *e, const struct directory_claim *c)
{
	if (e->session_count > 0 && (c->is_exclusive || e->is_exclusive))
		return EEXIST;
	if (e->session_count >= c->limit ||
	    e->session_count >= DIRECTORY_PLACES_MAX)
		return EUSERS;
	return 0;
}

static int
claim_name(struct directory *d, const struct directory_claim *c, bool *came,
    struct directory_watchers *watchers)
{
	const bool has_room = c->room != NULL && *c->room != '\0';
	struct probe p = begin(d, &c->name);
	int rc = ENOMEM;

	if (!need(&p, &c->name) || (rc = may_claim(p.entry, c)) != 0)
		goto out;
	rc = dir_entry_add(p.shard, p.entry, &c->place,
	    has_room ? c->room : NULL, has_room ? strlen(c->room) : 0);
	if (rc != 0)
		goto out;
	if ((rc = dir_entry_show(p.shard, p.entry, c)) != 0) {
		dir_entry_remove(
		    p.shard, p.entry, dir_entry_session(p.entry, &c->place));
		goto out;
	}
	p.entry->is_exclusive = c->is_exclusive;
	*came = p.entry->session_count == 1;
	if (*came)
		gather_watchers(watchers, p.entry);
out:
	end(&p);
	return rc;
}

int
directory_claim(struct directory *d, struct directory_claim *c, bool *came,
    struct directory_watchers *watchers)
{
	bool left;
	int rc;

	assert(c->place.session != 0);
	*came = false;
	c->place.epoch = next_epoch(d);
	if ((rc = claim_name(d, c, came, watchers)) != 0)
		return rc;
	if (c->room == NULL || *c->room == '\0' ||
	    (rc = enter(d, c, watchers)) == 0)
		return 0;
	directory_release(d, &c->name, &c->place, &left, NULL);
	if (watchers != NULL)
		watchers->count = 0;
	*came = false;
	return rc;
}

/* Takes the session out of its name; room gets the one it was in, or "".
 * False: it is not there. */
static bool
release_name(struct directory *d, const struct directory_name *name,
    const struct directory_place *place, char room[DIRECTORY_ROOM_MAX + 1],
    bool *left, struct directory_watchers *watchers)
{
	struct probe p = begin(d, name);
	struct dir_session *s =
	    p.entry != NULL ? dir_entry_session(p.entry, place) : NULL;

	if (s != NULL) {
		strcpy(room, s->label != NULL ? s->label : "");
		dir_entry_remove(p.shard, p.entry, s);
		*left = p.entry->session_count == 0;
		if (*left)
			gather_watchers(watchers, p.entry);
	}
	end(&p);
	return s != NULL;
}

void
directory_release(struct directory *d, const struct directory_name *name,
    const struct directory_place *place, bool *left,
    struct directory_watchers *watchers)
{
	char room[DIRECTORY_ROOM_MAX + 1];

	*left = false;
	if (release_name(d, name, place, room, left, watchers) && *room != '\0')
		leave(d, room, name, place, watchers);
}

int
directory_move(struct directory *d, const struct directory_name *name,
    const struct directory_place *old, struct directory_place *place)
{
	char room[DIRECTORY_ROOM_MAX + 1] = "";
	struct probe p = begin(d, name);
	struct dir_session *s =
	    p.entry != NULL ? dir_entry_session(p.entry, old) : NULL;

	if (s != NULL) {
		place->epoch = next_epoch(d);
		s->place = *place;
		if (s->label != NULL)
			strcpy(room, s->label);
	}
	end(&p);
	if (*room != '\0')
		move_member(d, room, old, place);
	return s != NULL ? 0 : ENOENT;
}

/* ---- looking */

size_t
directory_find(struct directory *d, const struct directory_name *name,
    struct directory_place *out, size_t max)
{
	struct probe p = begin(d, name);
	size_t count = 0;

	for (; p.entry != NULL && count < max && count < p.entry->session_count;
	     count++)
		out[count] = p.entry->sessions[count].place;
	end(&p);
	return count;
}

size_t
directory_look(struct directory *d, const struct directory_name *name,
    const struct directory_name *viewer)
{
	struct probe p = begin(d, name);
	size_t count = 0;

	if (p.entry != NULL &&
	    dir_entry_is_shown(p.entry, viewer->at, viewer->len))
		count = p.entry->session_count;
	end(&p);
	return count;
}

bool
directory_has(struct directory *d, const struct directory_name *name)
{
	struct probe p = begin(d, name);
	const bool has = p.entry != NULL && p.entry->session_count > 0;

	end(&p);
	return has;
}

int
directory_watch(struct directory *d, const struct directory_name *name,
    const struct directory_name *viewer, const struct directory_place *watcher,
    bool *online)
{
	struct probe p = begin(d, name);
	int rc = ENOMEM;

	*online = false;
	if (need(&p, name))
		rc = dir_entry_watch(p.shard, p.entry, watcher, viewer);
	if (rc == 0)
		*online = p.entry->session_count > 0 &&
		    dir_entry_is_shown(p.entry, viewer->at, viewer->len);
	end(&p);
	return rc;
}

void
directory_unwatch(struct directory *d, const struct directory_name *name,
    const struct directory_place *watcher)
{
	struct probe p = begin(d, name);

	if (p.entry != NULL)
		dir_entry_unwatch(p.shard, p.entry, watcher);
	end(&p);
}

/* ---- all of them */

struct copied {
	uint8_t len;
	uint8_t sessions;
	char name[DIRECTORY_NAME_MAX];
};

/* Copies the names of a shard that are there.  *out is the caller's. */
static size_t
copy_shard(
    struct dir_shard *sh, enum directory_space space, struct copied **out)
{
	const struct dir_entry *e;
	size_t pos = 0, count = 0;

	pthread_mutex_lock(&sh->lock);
	*out = mem_try(sh->names_held[space] + 1, sizeof(**out));
	while (*out != NULL && (e = table_next(sh->names, &pos)) != NULL) {
		if (e->space != (unsigned)space || e->session_count == 0)
			continue;
		(*out)[count].len = e->len;
		(*out)[count].sessions = e->session_count;
		memcpy((*out)[count++].name, e->name, e->len);
	}
	pthread_mutex_unlock(&sh->lock);
	return count;
}

/* False: fn wants no more. */
static bool
list_shard(struct dir_shard *sh, enum directory_space space,
    directory_name_fn *fn, void *arg)
{
	struct copied *names;
	const size_t count = copy_shard(sh, space, &names);
	bool go_on = true;

	for (size_t i = 0; i < count && go_on; i++)
		go_on = fn(arg,
		    &(struct directory_name){
			space, names[i].name, names[i].len },
		    names[i].sessions);
	mem_free(names);
	return go_on;
}

size_t
directory_list(struct directory *d, enum directory_space space,
    directory_name_fn *fn, void *arg)
{
	struct directory_counts counts;

	directory_count(d, &counts);
	for (unsigned i = 0; i < DIRECTORY_SHARDS; i++) {
		if (!list_shard(&d->shard[i], space, fn, arg))
			break;
	}
	return counts.names[space];
}

void
directory_count(struct directory *d, struct directory_counts *out)
{
	*out = (struct directory_counts){ .bytes = mem_size(d) };
	for (unsigned i = 0; i < DIRECTORY_SHARDS; i++) {
		struct dir_shard *sh = &d->shard[i];

		pthread_mutex_lock(&sh->lock);
		for (unsigned k = 0; k < DIRECTORY_SPACES; k++) {
			out->names[k] += sh->names_held[k];
			out->sessions[k] += sh->sessions_held[k];
		}
		out->watches += sh->watches_held;
		out->bytes += sh->bytes;
		pthread_mutex_unlock(&sh->lock);
	}
}
