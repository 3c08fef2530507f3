#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "turn/ring.h"

enum { SIZE = 1024, HEAD = 8, MANY = 100 * 1000 };

static int
set_up(void **state)
{
	*state = turn_ring_new(SIZE);
	return *state == NULL;
}

static int
tear_down(void **state)
{
	turn_ring_free(*state);
	return 0;
}

/* A record of len bytes that are all value. */
static bool
put(struct turn_ring *r, size_t len, uint8_t value)
{
	void *at = turn_ring_put(r, len);

	if (at == NULL)
		return false;
	memset(at, value, len);
	return true;
}

static void
assert_taken(struct turn_ring *r, size_t len, uint8_t value)
{
	const uint8_t *at = turn_ring_take(r, turn_ring_end(r));

	assert_non_null(at);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(at[i], value);
}

static void
assert_empty(struct turn_ring *r)
{
	assert_null(turn_ring_take(r, turn_ring_end(r)));
}

static void
test_records_come_out_as_they_went_in(void **state)
{
	struct turn_ring *r = *state;

	assert_empty(r);
	assert_true(put(r, 5, 'a'));
	assert_true(put(r, 0, 'b'));
	assert_true(put(r, 16, 'c'));
	assert_true(turn_ring_publish(r));
	assert_taken(r, 5, 'a');
	assert_taken(r, 0, 'b');
	assert_taken(r, 16, 'c');
	assert_empty(r);
}

static void
test_nothing_is_seen_before_it_is_published(void **state)
{
	struct turn_ring *r = *state;
	size_t end;

	assert_false(turn_ring_publish(r));
	assert_true(put(r, 5, 'a'));
	assert_empty(r);
	assert_true(turn_ring_publish(r));
	assert_false(turn_ring_publish(r));
	end = turn_ring_end(r);
	/* nor what is published after the reader looked */
	assert_true(put(r, 5, 'b'));
	assert_true(turn_ring_publish(r));
	assert_non_null(turn_ring_take(r, end));
	assert_null(turn_ring_take(r, end));
	assert_taken(r, 5, 'b');
}

static void
test_a_full_ring_takes_no_more_until_the_reader_is_done(void **state)
{
	struct turn_ring *r = *state;
	const size_t len = 120; /* eight of them with their heads */

	for (int i = 0; i < 8; i++)
		assert_true(put(r, len, (uint8_t)i));
	assert_false(put(r, 0, 'x'));
	assert_true(turn_ring_publish(r));
	assert_taken(r, len, 0);
	/* it may still be read */
	assert_false(put(r, 0, 'x'));
	assert_taken(r, len, 1);
	assert_true(put(r, len, 8));
	assert_false(put(r, 0, 'x'));
	assert_true(turn_ring_publish(r));
	for (uint8_t i = 2; i <= 8; i++)
		assert_taken(r, len, i);
	assert_empty(r);
}

/* At every place of the memory: the end is no place for half a record. */
static void
test_the_longest_record_always_fits_into_an_empty_ring(void **state)
{
	struct turn_ring *r = *state;
	const size_t max = turn_ring_record_max(r);

	assert_false(put(r, max + 1, 'x'));
	for (int i = 0; i < 3 * SIZE / HEAD; i++) {
		assert_true(put(r, max, 'l'));
		assert_true(turn_ring_publish(r));
		assert_taken(r, max, 'l');
		assert_empty(r);
		assert_true(put(r, 0, 's'));
		assert_true(turn_ring_publish(r));
		assert_taken(r, 0, 's');
		assert_empty(r);
	}
}

/* Serial number and a length that follows from it. */
static size_t
len_of(uint32_t serial)
{
	return sizeof(serial) + serial * 7 % 300;
}

static void *
write_many(void *arg)
{
	struct turn_ring *r = arg;

	for (uint32_t i = 0; i < MANY; i++) {
		uint8_t *at;

		while ((at = turn_ring_put(r, len_of(i))) == NULL) {
			turn_ring_publish(r);
			sched_yield();
		}
		memcpy(at, &i, sizeof(i));
		memset(at + sizeof(i), (uint8_t)i, len_of(i) - sizeof(i));
		if (i % 5 == 0)
			turn_ring_publish(r);
	}
	turn_ring_publish(r);
	return NULL;
}

static bool
is_whole(const uint8_t *at, uint32_t serial)
{
	uint32_t got;

	memcpy(&got, at, sizeof(got));
	if (got != serial)
		return false;
	for (size_t i = sizeof(got); i < len_of(serial); i++)
		if (at[i] != (uint8_t)serial)
			return false;
	return true;
}

static void
test_another_thread_reads_what_one_writes(void **state)
{
	struct turn_ring *r = *state;
	uint32_t next = 0, broken = 0;
	pthread_t writer;

	assert_int_equal(pthread_create(&writer, NULL, write_many, r), 0);
	while (next < MANY) {
		const size_t end = turn_ring_end(r);
		const uint8_t *at;

		while ((at = turn_ring_take(r, end)) != NULL)
			broken += !is_whole(at, next++);
		sched_yield();
	}
	pthread_join(writer, NULL);
	assert_int_equal(broken, 0);
	assert_empty(r);
}

static void
test_new_reports_missing_memory(void **state)
{
	struct turn_ring *r = NULL;
	long n = 0;

	(void)state;
	for (; r == NULL; n++) {
		assert_true(n < 10);
		mem_fail_at(n);
		r = turn_ring_new(SIZE);
		mem_fail_at(-1);
	}
	assert_int_equal(n, 3);
	turn_ring_free(r);
	turn_ring_free(NULL);
}

#define RING_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RING_TEST(test_records_come_out_as_they_went_in),
		RING_TEST(test_nothing_is_seen_before_it_is_published),
		RING_TEST(
		    test_a_full_ring_takes_no_more_until_the_reader_is_done),
		RING_TEST(
		    test_the_longest_record_always_fits_into_an_empty_ring),
		RING_TEST(test_another_thread_reads_what_one_writes),
		cmocka_unit_test(test_new_reports_missing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
