#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/pool.h"
#include "common/table.h"
#include "relay/memory.h"

static struct memory sum;
static struct memory_heap heap;

static int
setup(void **state)
{
	(void)state;
	memset(&sum, 0, sizeof(sum));
	memset(&heap, 0, sizeof(heap));
	return 0;
}

static json_int_t
at(const json_t *from, const char *outer, const char *inner, const char *key)
{
	const json_t *o = json_object_get(from, outer);

	o = json_object_get(o, inner);
	if (key != NULL)
		o = json_object_get(o, key);
	assert_true(json_is_integer(o));
	return json_integer_value(o);
}

static void
test_each_kind_shows_count_size_and_total(void **state)
{
	json_t *all;

	(void)state;
	sum.use[MEMORY_CHANNELS].count = 3;
	sum.use[MEMORY_CHANNELS].each = 128;
	sum.use[MEMORY_CHANNELS].bytes = 65536;
	all = memory_json(&sum, &heap);
	assert_non_null(all);
	assert_int_equal(
	    json_object_size(json_object_get(all, "objects")), MEMORY_COUNT);
	assert_int_equal(at(all, "objects", "channels", "count"), 3);
	assert_int_equal(at(all, "objects", "channels", "bytes_each"), 128);
	assert_int_equal(at(all, "objects", "channels", "bytes"), 65536);
	assert_int_equal(at(all, "objects", "wheels", "bytes"), 0);
	json_decref(all);
}

static void
test_without_jemalloc_its_figures_are_null(void **state)
{
	json_t *all = memory_json(&sum, &heap);

	(void)state;
	assert_true(json_is_null(json_object_get(all, "heap")));
	assert_true(json_is_null(json_object_get(all, "other")));
	json_decref(all);
	/* the tests are not linked with it */
	heap.allocated = 7;
	heap.is_known = true;
	memory_heap_read(&heap);
	assert_false(heap.is_known);
	assert_int_equal(heap.allocated, 0);
}

static void
test_other_is_what_no_kind_accounts_for(void **state)
{
	json_t *all;

	(void)state;
	heap = (struct memory_heap){ .is_known = true,
		.allocated = 1000,
		.active = 2000,
		.resident = 3000,
		.mapped = 4000,
		.retained = 5000 };
	sum.use[MEMORY_TABLES].bytes = 300;
	sum.use[MEMORY_WHEELS].bytes = 100;
	all = memory_json(&sum, &heap);
	assert_int_equal(at(all, "heap", "allocated", NULL), 1000);
	assert_int_equal(at(all, "heap", "active", NULL), 2000);
	assert_int_equal(at(all, "heap", "resident", NULL), 3000);
	assert_int_equal(at(all, "heap", "mapped", NULL), 4000);
	assert_int_equal(at(all, "heap", "retained", NULL), 5000);
	assert_int_equal(
	    json_integer_value(json_object_get(all, "other")), 600);
	json_decref(all);
	/* read while a worker counts: never below zero */
	sum.use[MEMORY_TABLES].bytes = 1001;
	all = memory_json(&sum, &heap);
	assert_true(json_is_null(json_object_get(all, "other")));
	json_decref(all);
}

static void
test_the_sum_is_over_all_workers(void **state)
{
	struct memory one, two;

	(void)state;
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	one.use[MEMORY_RELAYED] = (struct mem_use){ 1, 320, 65536 };
	two.use[MEMORY_RELAYED] = (struct mem_use){ 2, 320, 131072 };
	memory_sum(&sum, &one);
	memory_sum(&sum, &two);
	assert_int_equal(sum.use[MEMORY_RELAYED].count, 3);
	assert_int_equal(sum.use[MEMORY_RELAYED].each, 320);
	assert_int_equal(sum.use[MEMORY_RELAYED].bytes, 196608);
	assert_int_equal(sum.use[MEMORY_CHANNELS].bytes, 0);
}

static void
test_a_pool_tells_what_it_holds(void **state)
{
	struct pool *p = pool_new(100, 0);
	struct mem_use use;
	uint64_t grown, full;
	void *a, *b;

	(void)state;
	memset(&use, 0, sizeof(use));
	a = pool_get(p);
	pool_watch(p, &use);
	assert_int_equal(use.count, 1);
	assert_int_equal(use.each, 128);
	full = use.bytes;
	/* begins small */
	assert_in_range(full, 7000, 9000);
	b = pool_get(p);
	assert_int_equal(use.count, 2);
	pool_put(p, a);
	pool_put(p, b);
	assert_int_equal(use.count, 0);
	assert_int_equal(use.bytes, full);
	/* never more than as much again, but for the smallest slab */
	for (size_t i = 0; i < 600; i++) {
		assert_non_null(pool_get(p));
		assert_true(use.bytes <= 2 * 128 * use.count + 12 * 1024);
	}
	grown = use.bytes;
	assert_in_range(grown, 76800, 140000);
	pool_free(p);
	assert_int_equal(use.count, 0);
	assert_int_equal(use.bytes, 0);
}

static bool
is_same(const void *item, const void *key)
{
	return item == key;
}

static void
test_a_table_tells_what_it_holds(void **state)
{
	struct table *t = table_new(0, is_same);
	struct mem_use use;
	char item[100];
	uint64_t small;

	(void)state;
	memset(&use, 0, sizeof(use));
	table_watch(t, &use);
	small = use.bytes;
	assert_true(small > 0);
	for (size_t i = 0; i < sizeof(item); i++)
		assert_int_equal(
		    table_add(t, table_hash(&i, sizeof(i)), &item[i]), 0);
	assert_int_equal(use.count, sizeof(item));
	/* 256 slots of 16 bytes */
	assert_in_range(use.bytes, 4096, 6000);
	for (size_t i = 0; i < sizeof(item); i++)
		assert_true(
		    table_remove(t, table_hash(&i, sizeof(i)), &item[i]));
	assert_int_equal(use.count, 0);
	table_free(t);
	assert_int_equal(use.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
		    test_each_kind_shows_count_size_and_total, setup),
		cmocka_unit_test_setup(
		    test_without_jemalloc_its_figures_are_null, setup),
		cmocka_unit_test_setup(
		    test_other_is_what_no_kind_accounts_for, setup),
		cmocka_unit_test_setup(test_the_sum_is_over_all_workers, setup),
		cmocka_unit_test_setup(test_a_pool_tells_what_it_holds, setup),
		cmocka_unit_test_setup(test_a_table_tells_what_it_holds, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
