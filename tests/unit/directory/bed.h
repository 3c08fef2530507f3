/* A directory, and names in it. */
#ifndef TESTS_UNIT_DIRECTORY_BED_H
#define TESTS_UNIT_DIRECTORY_BED_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "directory/directory.h"

static struct directory *dir;
static struct directory_counts fresh; /* as it was made */

static inline int
set_up(void **state)
{
	(void)state;
	if ((dir = directory_new()) == NULL)
		return -1;
	directory_count(dir, &fresh);
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	directory_free(dir);
	return 0;
}

static inline struct directory_name
node(const char *name)
{
	return (struct directory_name){ DIRECTORY_NODES, name, strlen(name) };
}

static inline struct directory_claim
claim_of(const char *name, uint64_t session)
{
	return (struct directory_claim){ .name = node(name),
		.place = { .session = session,
		    .worker = (unsigned)session % 4 },
		.limit = 8 };
}

/* Claims name; returns the place. */
static inline struct directory_place
claim(const char *name, uint64_t session)
{
	struct directory_claim c = claim_of(name, session);
	bool came;

	assert_int_equal(directory_claim(dir, &c, &came, NULL), 0);
	return c.place;
}

static inline bool
release(const char *name, const struct directory_place *place)
{
	const struct directory_name n = node(name);
	bool left;

	directory_release(dir, &n, place, &left, NULL);
	return left;
}

static inline size_t
find(const char *name)
{
	const struct directory_name n = node(name);
	struct directory_place out[DIRECTORY_PLACES_MAX];

	return directory_find(dir, &n, out, DIRECTORY_PLACES_MAX);
}

static inline size_t
look(const char *name, const char *viewer)
{
	const struct directory_name n = node(name), v = node(viewer);

	return directory_look(dir, &n, &v);
}

static inline bool
watch(const char *name, const char *viewer, uint64_t session)
{
	const struct directory_name n = node(name), v = node(viewer);
	const struct directory_place at = { .session = session };
	bool is_online;

	assert_int_equal(directory_watch(dir, &n, &v, &at, &is_online), 0);
	return is_online;
}

/* Nothing is held any more but the shards themselves. */
static inline void
assert_empty(void)
{
	struct directory_counts now;

	directory_count(dir, &now);
	assert_int_equal(now.names[DIRECTORY_NODES], 0);
	assert_int_equal(now.sessions[DIRECTORY_NODES], 0);
	assert_int_equal(now.watches, 0);
	assert_int_equal(now.bytes, fresh.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
