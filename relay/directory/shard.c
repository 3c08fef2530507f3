#include "directory/shard.h"

#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "common/table.h"

/* ---- memory, counted */

static void *
take(struct dir_shard *sh, size_t n, size_t size)
{
	void *p = mem_try(n, size);

	sh->bytes += mem_size(p);
	return p;
}

static void
give(struct dir_shard *sh, void *p)
{
	sh->bytes -= mem_size(p);
	mem_free(p);
}

/* Puts an array of old elements into one with room for one more, which grows
 * by powers of two.  Returns 0 or ENOMEM. */
static int
make_room(struct dir_shard *sh, void **at, size_t count, size_t size)
{
	void *more;

	if (count > 0 && (count & (count - 1)) != 0)
		return 0;
	more = take(sh, count == 0 ? 1 : 2 * count, size);
	if (more == NULL)
		return ENOMEM;
	if (count > 0)
		memcpy(more, *at, count * size);
	give(sh, *at);
	*at = more;
	return 0;
}

static char *
copy_text(struct dir_shard *sh, const char *text, size_t len)
{
	char *copy = take(sh, 1, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

/* ---- the shard */

static bool
is_entry(const void *item, const void *key)
{
	const struct dir_entry *e = item;
	const struct directory_name *n = key;

	return e->len == n->len && e->space == (unsigned)n->space &&
	    memcmp(e->name, n->at, n->len) == 0;
}

int
dir_shard_init(struct dir_shard *sh)
{
	if ((sh->names = table_new(0, is_entry)) == NULL)
		return ENOMEM;
	pthread_mutex_init(&sh->lock, NULL);
	return 0;
}

static void
free_entry(struct dir_shard *sh, struct dir_entry *e)
{
	for (unsigned i = 0; i < e->session_count; i++)
		give(sh, e->sessions[i].label);
	for (uint32_t i = 0; i < e->watch_count; i++)
		give(sh, e->watches[i].viewer);
	for (unsigned i = 0; i < e->listed_count; i++)
		give(sh, e->listed[i]);
	give(sh, e->sessions);
	give(sh, e->watches);
	give(sh, e->listed);
	give(sh, e);
}

void
dir_shard_fini(struct dir_shard *sh)
{
	struct dir_entry *e;
	size_t pos = 0;

	if (sh->names == NULL)
		return;
	while ((e = table_next(sh->names, &pos)) != NULL)
		free_entry(sh, e);
	table_free(sh->names);
	pthread_mutex_destroy(&sh->lock);
}

uint32_t
dir_shard_hash(const struct directory_name *name)
{
	return table_hash(name->at, name->len) ^
	    (uint32_t)name->space * UINT32_C(0x9E3779B9);
}

struct dir_entry *
dir_shard_find(
    const struct dir_shard *sh, uint32_t hash, const struct directory_name *n)
{
	return table_find(sh->names, hash, n);
}

struct dir_entry *
dir_shard_need(
    struct dir_shard *sh, uint32_t hash, const struct directory_name *n)
{
	struct dir_entry *e = dir_shard_find(sh, hash, n);

	if (e != NULL)
		return e;
	if ((e = take(sh, 1, sizeof(*e) + n->len)) == NULL)
		return NULL;
	e->space = (uint8_t)n->space;
	e->len = (uint8_t)n->len;
	memcpy(e->name, n->at, n->len);
	if (table_add(sh->names, hash, e) != 0) {
		give(sh, e);
		return NULL;
	}
	return e;
}

void
dir_shard_tidy(struct dir_shard *sh, uint32_t hash, struct dir_entry *e)
{
	if (e->session_count > 0 || e->watch_count > 0)
		return;
	table_remove(sh->names, hash, e);
	free_entry(sh, e);
}

/* ---- sessions */

int
dir_entry_add(struct dir_shard *sh, struct dir_entry *e,
    const struct directory_place *place, const char *label, size_t len)
{
	void *at = e->sessions;
	char *copy = NULL;

	if (make_room(sh, &at, e->session_count, sizeof(*e->sessions)) != 0)
		return ENOMEM;
	e->sessions = at;
	if (label != NULL && (copy = copy_text(sh, label, len)) == NULL)
		return ENOMEM;
	e->sessions[e->session_count++] =
	    (struct dir_session){ .place = *place, .label = copy };
	sh->sessions_held[e->space]++;
	sh->names_held[e->space] += e->session_count == 1;
	return 0;
}

struct dir_session *
dir_entry_session(struct dir_entry *e, const struct directory_place *place)
{
	for (unsigned i = 0; i < e->session_count; i++) {
		const struct directory_place *p = &e->sessions[i].place;

		if (p->session == place->session && p->epoch == place->epoch)
			return &e->sessions[i];
	}
	return NULL;
}

void
dir_entry_remove(
    struct dir_shard *sh, struct dir_entry *e, struct dir_session *s)
{
	give(sh, s->label);
	*s = e->sessions[--e->session_count];
	sh->sessions_held[e->space]--;
	sh->names_held[e->space] -= e->session_count == 0;
}

/* ---- watches */

int
dir_entry_watch(struct dir_shard *sh, struct dir_entry *e,
    const struct directory_place *place, const struct directory_name *viewer)
{
	void *at = e->watches;
	char *copy;

	for (uint32_t i = 0; i < e->watch_count; i++) {
		if (e->watches[i].place.session != place->session)
			continue;
		e->watches[i].place = *place;
		return 0;
	}
	if (make_room(sh, &at, e->watch_count, sizeof(*e->watches)) != 0)
		return ENOMEM;
	e->watches = at;
	if ((copy = copy_text(sh, viewer->at, viewer->len)) == NULL)
		return ENOMEM;
	e->watches[e->watch_count++] =
	    (struct dir_watch){ .place = *place, .viewer = copy };
	sh->watches_held++;
	return 0;
}

void
dir_entry_unwatch(struct dir_shard *sh, struct dir_entry *e,
    const struct directory_place *place)
{
	for (uint32_t i = 0; i < e->watch_count; i++) {
		if (e->watches[i].place.session != place->session)
			continue;
		give(sh, e->watches[i].viewer);
		e->watches[i] = e->watches[--e->watch_count];
		sh->watches_held--;
		return;
	}
}

/* ---- who may see it */

static void
free_listed(struct dir_shard *sh, char **listed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		give(sh, listed[i]);
	give(sh, listed);
}

int
dir_entry_show(
    struct dir_shard *sh, struct dir_entry *e, const struct directory_claim *c)
{
	const size_t count =
	    c->presence == DIRECTORY_LISTED ? c->listed_count : 0;
	char **listed = NULL;

	if (count > 0 && (listed = take(sh, count, sizeof(*listed))) == NULL)
		return ENOMEM;
	for (size_t i = 0; i < count; i++) {
		listed[i] = copy_text(sh, c->listed[i], strlen(c->listed[i]));
		if (listed[i] == NULL) {
			free_listed(sh, listed, i);
			return ENOMEM;
		}
	}
	free_listed(sh, e->listed, e->listed_count);
	e->listed = listed;
	e->listed_count = (uint8_t)count;
	e->presence = (uint8_t)c->presence;
	return 0;
}

bool
dir_entry_is_shown(const struct dir_entry *e, const char *viewer, size_t len)
{
	if (e->presence == DIRECTORY_EVERYONE)
		return true;
	/* it sees itself */
	if (e->len == len && memcmp(e->name, viewer, len) == 0)
		return true;
	for (unsigned i = 0; i < e->listed_count; i++) {
		if (strlen(e->listed[i]) == len &&
		    memcmp(e->listed[i], viewer, len) == 0)
			return true;
	}
	return false;
}
