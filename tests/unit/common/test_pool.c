#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/mem.h"
#include "common/pool.h"

enum { MANY = 3000 };

static void
test_objects_are_apart_aligned_and_zeroed(void **state)
{
	static const size_t sizes[] = { 1, 8, 24, 64, 100, 2000, 70000 };
	uint8_t *obj[40];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t size = sizes[i];
		struct pool *p = pool_new(size, 0);

		for (int k = 0; k < 40; k++) {
			obj[k] = pool_get(p);
			assert_int_equal(
			    (uintptr_t)obj[k] % (size < 64 ? 16 : 64), 0);
			for (size_t b = 0; b < size; b++)
				assert_int_equal(obj[k][b], 0);
			memset(obj[k], k + 1, size);
		}
		for (int k = 0; k < 40; k++) {
			assert_int_equal(obj[k][0], k + 1);
			assert_int_equal(obj[k][size - 1], k + 1);
		}
		pool_free(p);
	}
}

static void
test_an_object_put_back_is_used_again_and_zeroed(void **state)
{
	struct pool *p = pool_new(100, 1);
	uint8_t *first = pool_get(p);
	uint8_t *again;

	(void)state;
	memset(first, 0xa5, 100);
	pool_put(p, first);
	again = pool_get(p);
	assert_ptr_equal(again, first);
	for (int i = 0; i < 100; i++)
		assert_int_equal(again[i], 0);
	pool_free(p);
}

static void
test_the_limit_counts_objects_in_use(void **state)
{
	struct pool *p = pool_new(32, 3);
	void *obj[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_non_null(obj[i] = pool_get(p));
	assert_null(pool_get(p));
	assert_int_equal(pool_used(p), 3);
	pool_put(p, obj[1]);
	pool_put(p, NULL);
	assert_int_equal(pool_used(p), 2);
	assert_non_null(pool_get(p));
	assert_null(pool_get(p));
	pool_free(p);
}

static void
test_a_pool_without_limit_grows_by_slabs(void **state)
{
	struct pool *p = pool_new(200, 0);
	static void *obj[MANY];
	long asked;

	(void)state;
	mem_fail_at(-1);
	for (int i = 0; i < MANY; i++)
		assert_non_null(obj[i] = pool_get(p));
	asked = mem_fail_at(-1);
	assert_in_range(asked, 2, MANY / 100);
	for (int i = 0; i < MANY; i++)
		pool_put(p, obj[i]);
	for (int i = 0; i < MANY; i++)
		assert_non_null(pool_get(p));
	assert_int_equal(mem_fail_at(-1), 0);
	assert_int_equal(pool_used(p), MANY);
	pool_free(p);
}

static void
test_short_memory_is_null_and_the_pool_lives_on(void **state)
{
	struct pool *p;

	(void)state;
	mem_fail_at(0);
	assert_null(pool_new(16, 0));
	p = pool_new(16, 0);
	mem_fail_at(0);
	assert_null(pool_get(p));
	assert_int_equal(pool_used(p), 0);
	assert_non_null(pool_get(p));
	mem_fail_at(-1);
	pool_free(p);
	pool_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_are_apart_aligned_and_zeroed),
		cmocka_unit_test(
		    test_an_object_put_back_is_used_again_and_zeroed),
		cmocka_unit_test(test_the_limit_counts_objects_in_use),
		cmocka_unit_test(test_a_pool_without_limit_grows_by_slabs),
		cmocka_unit_test(
		    test_short_memory_is_null_and_the_pool_lives_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
