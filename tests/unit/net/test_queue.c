#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "net/queue.h"

enum { MANY = 3 * QUEUE_CHUNK + 100 };

static uint8_t
pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + 1);
}

static void
add(struct net_queue *q, struct net_bank *bank, size_t at, size_t len)
{
	static uint8_t data[MANY];

	for (size_t i = 0; i < len; i++)
		data[i] = pattern(at + i);
	assert_int_equal(net_queue_add(q, bank, data, len, 0), 0);
}

/* The first len bytes of q are those from at on, told both ways. */
static void
check(const struct net_queue *q, size_t at, size_t len)
{
	static uint8_t got[MANY];
	struct iovec iov[8];
	const unsigned n = net_queue_look(q, iov, 8, len);
	size_t seen = 0;

	net_queue_copy(q, got, len);
	for (unsigned i = 0; i < n; i++) {
		assert_memory_equal(
		    iov[i].iov_base, got + seen, iov[i].iov_len);
		seen += iov[i].iov_len;
	}
	assert_int_equal(seen, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(got[i], pattern(at + i));
}

static void
test_bytes_come_out_as_they_went_in(void **state)
{
	static const size_t sizes[] = { 1, 172, 1200, 4088, 4089, 3, 8200 };
	struct net_bank *bank = net_queue_bank_new(NULL);
	struct net_queue q = { 0 };
	size_t in = 0, out = 0;

	(void)state;
	for (size_t round = 0; round < 200; round++) {
		const size_t len = sizes[round % 7];

		if (q.len + len <= MANY) {
			add(&q, bank, in, len);
			in += len;
		}
		check(&q, out, q.len);
		net_queue_drain(
		    &q, bank, q.len * (round % 4) / 3 % (q.len + 1));
		out = in - q.len;
	}
	net_queue_drain(&q, bank, q.len);
	assert_null(q.first);
	net_queue_bank_free(bank);
}

static void
test_padding_is_zero_even_over_an_edge(void **state)
{
	struct net_bank *bank = net_queue_bank_new(NULL);
	struct net_queue q = { 0 };
	uint8_t got[QUEUE_CHUNK];

	(void)state;
	/* chunks that were used before are dirty */
	add(&q, bank, 0, MANY);
	net_queue_drain(&q, bank, MANY);
	for (size_t len = 4080; len < 4092; len++) {
		memset(got, 'x', sizeof(got));
		assert_int_equal(net_queue_add(&q, bank, got, len, 3), 0);
		net_queue_copy(&q, got, len + 3);
		assert_int_equal(got[len - 1], 'x');
		assert_memory_equal(got + len, "\0\0\0", 3);
		net_queue_drain(&q, bank, len + 3);
	}
	net_queue_bank_free(bank);
}

static void
test_looking_keeps_to_what_is_asked(void **state)
{
	struct net_bank *bank = net_queue_bank_new(NULL);
	struct net_queue q = { 0 };
	struct iovec iov[2];

	(void)state;
	assert_int_equal(net_queue_look(&q, iov, 2, 100), 0);
	add(&q, bank, 0, MANY);
	assert_int_equal(net_queue_look(&q, iov, 2, 100), 1);
	assert_int_equal(iov[0].iov_len, 100);
	assert_int_equal(net_queue_look(&q, iov, 2, MANY), 2);
	assert_true(iov[0].iov_len + iov[1].iov_len < MANY);
	net_queue_drain(&q, bank, MANY);
	net_queue_bank_free(bank);
}

static void
test_all_is_added_or_nothing(void **state)
{
	struct net_bank *bank = net_queue_bank_new(NULL);
	struct net_queue q = { 0 };
	const uint8_t data[MANY] = { 0 };
	long n = 0;

	(void)state;
	add(&q, bank, 0, 10);
	do {
		mem_fail_at(n++);
		if (net_queue_add(&q, bank, data, sizeof(data), 0) == 0)
			break;
		assert_int_equal(q.len, 10);
		check(&q, 0, 10);
	} while (n < 100);
	mem_fail_at(-1);
	/* each failure left one chunk more in the bank */
	assert_true(n > 1 && n < 100);
	assert_int_equal(q.len, 10 + MANY);
	net_queue_drain(&q, bank, q.len);
	mem_fail_at(0);
	assert_null(net_queue_bank_new(NULL));
	mem_fail_at(-1);
	net_queue_bank_free(bank);
}

static void
test_the_bank_keeps_little_and_tells_it(void **state)
{
	struct mem_use use = { 0 };
	struct net_bank *bank = net_queue_bank_new(&use);
	struct net_queue q = { 0 };

	(void)state;
	for (size_t i = 0; i < QUEUE_SPARE_MAX + 100; i++)
		add(&q, bank, 0, QUEUE_CHUNK);
	assert_true(use.bytes >= (QUEUE_SPARE_MAX + 100) * QUEUE_CHUNK);
	net_queue_drain(&q, bank, q.len);
	/* the allocator may round up */
	assert_true(use.bytes >= QUEUE_SPARE_MAX * QUEUE_CHUNK);
	assert_true(use.bytes <= QUEUE_SPARE_MAX * (QUEUE_CHUNK + 64));
	/* the next one costs no allocation */
	mem_fail_at(0);
	add(&q, bank, 0, QUEUE_CHUNK);
	mem_fail_at(-1);
	net_queue_drain(&q, bank, q.len);
	net_queue_bank_free(bank);
	assert_int_equal(use.bytes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_come_out_as_they_went_in),
		cmocka_unit_test(test_padding_is_zero_even_over_an_edge),
		cmocka_unit_test(test_looking_keeps_to_what_is_asked),
		cmocka_unit_test(test_all_is_added_or_nothing),
		cmocka_unit_test(test_the_bank_keeps_little_and_tells_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
