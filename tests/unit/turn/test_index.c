#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/addr.h"
#include "common/mem.h"
#include "turn/index.h"

enum { ITEMS = 100 };

static unsigned
count_of(const struct turn_index *x, uint32_t hash)
{
	struct turn_node *node = turn_index_first(x, hash);
	unsigned n = 0;

	for (; node != NULL; node = turn_index_next(node))
		n++;
	return n;
}

/* Adds many, takes the even ones out; hashes repeat after ten. */
static void
fill_and_thin(struct turn_index *x, struct turn_node nodes[ITEMS])
{
	turn_index_init(x);
	for (uint32_t i = 0; i < ITEMS; i++) {
		turn_index_add(x, &nodes[i], i / 10);
		assert_int_equal(count_of(x, i / 10), i % 10 + 1);
	}
	for (uint32_t i = 0; i < ITEMS; i += 2)
		turn_index_remove(x, &nodes[i]);
	assert_int_equal(x->count, ITEMS / 2);
	for (uint32_t hash = 0; hash < ITEMS / 10; hash++)
		assert_int_equal(count_of(x, hash), 5);
	assert_null(turn_index_first(x, ITEMS));
}

static void
test_what_was_added_is_found_until_it_is_removed(void **state)
{
	struct turn_node nodes[ITEMS];
	struct turn_index x;

	(void)state;
	fill_and_thin(&x, nodes);
	assert_true(x.mask == TURN_INDEX_MANY - 1);
	turn_index_fini(&x);
	assert_null(turn_index_first(&x, 1));
}

static void
test_an_index_that_cannot_grow_still_works(void **state)
{
	struct turn_node nodes[ITEMS];
	struct turn_index x;

	(void)state;
	turn_index_init(&x);
	for (uint32_t i = 0; i < TURN_INDEX_GROW_AT; i++)
		turn_index_add(&x, &nodes[i], i);
	mem_fail_at(0);
	turn_index_add(&x, &nodes[TURN_INDEX_GROW_AT], TURN_INDEX_GROW_AT);
	mem_fail_at(-1);
	assert_true(x.mask == TURN_INDEX_FEW - 1);
	for (uint32_t i = 0; i <= TURN_INDEX_GROW_AT; i++)
		assert_ptr_equal(turn_index_first(&x, i), &nodes[i]);
	turn_index_fini(&x);
}

static void
test_the_hash_of_a_host_ignores_its_port(void **state)
{
	struct addr a, b, c;

	(void)state;
	assert_int_equal(addr_parse(&a, "9.9.9.9:1"), 0);
	assert_int_equal(addr_parse(&b, "9.9.9.9:2"), 0);
	assert_int_equal(addr_parse(&c, "9.9.9.8:1"), 0);
	assert_int_equal(turn_index_hash_host(&a), turn_index_hash_host(&b));
	assert_int_not_equal(
	    turn_index_hash_host(&a), turn_index_hash_host(&c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_was_added_is_found_until_it_is_removed),
		cmocka_unit_test(test_an_index_that_cannot_grow_still_works),
		cmocka_unit_test(test_the_hash_of_a_host_ignores_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
