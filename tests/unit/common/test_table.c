#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "common/addr.h"
#include "common/mem.h"
#include "common/table.h"

struct item {
	uint32_t key;
	bool in;
};

static bool
is_key(const void *item, const void *key)
{
	return ((const struct item *)item)->key == *(const uint32_t *)key;
}

/* ---- SipHash */

/* A second writing of SipHash-c-d, byte by byte after the paper; with c = 2
 * and d = 4 it is held against the paper's own test vector. */
static uint64_t
reference(int c, int d, const uint8_t key[16], const uint8_t *in, size_t len)
{
	uint64_t k0 = 0, k1 = 0, v0, v1, v2, v3;
	const size_t blocks = len / 8 + 1;

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
	for (int i = 7; i >= 0; i--) {
		k0 = k0 << 8 | key[i];
		k1 = k1 << 8 | key[8 + i];
	}
	v0 = k0 ^ 0x736f6d6570736575;
	v1 = k1 ^ 0x646f72616e646f6d;
	v2 = k0 ^ 0x6c7967656e657261;
	v3 = k1 ^ 0x7465646279746573;
	for (size_t b = 0; b <= blocks; b++) {
		int rounds = b < blocks ? c : d;
		uint64_t m = 0;

		for (size_t i = 0; b < blocks && i < 8; i++) {
			const size_t at = b * 8 + i;

			if (at < len)
				m |= (uint64_t)in[at] << 8 * i;
			else if (i == 7)
				m |= (uint64_t)(len & 255) << 56;
		}
		if (b < blocks)
			v3 ^= m;
		else
			v2 ^= 0xff;
		while (rounds-- > 0) {
			v0 += v1, v1 = ROTL(v1, 13), v1 ^= v0;
			v0 = ROTL(v0, 32);
			v2 += v3, v3 = ROTL(v3, 16), v3 ^= v2;
			v0 += v3, v3 = ROTL(v3, 21), v3 ^= v0;
			v2 += v1, v1 = ROTL(v1, 17), v1 ^= v2;
			v2 = ROTL(v2, 32);
		}
		if (b < blocks)
			v0 ^= m;
	}
#undef ROTL
	return v0 ^ v1 ^ v2 ^ v3;
}

static void
test_siphash_agrees_with_a_second_writing_of_it(void **state)
{
	uint8_t raw[16], data[64];
	uint64_t key[2];

	(void)state;
	for (uint8_t i = 0; i < 64; i++)
		data[i] = i;
	memcpy(raw, data, 16);
	/* appendix A of the paper: SipHash-2-4 of 00..0e under 00..0f */
	assert_true(reference(2, 4, raw, data, 15) == 0xa129ca6149be45e5);

	memcpy(key, raw, 16);
	key[0] = le64toh(key[0]);
	key[1] = le64toh(key[1]);
	for (size_t len = 0; len <= sizeof(data); len++)
		assert_true(table_siphash(key, data, len) ==
		    reference(1, 3, raw, data, len));
}

static void
test_the_hash_of_an_address_is_of_host_and_port_only(void **state)
{
	struct addr a, b;

	(void)state;
	assert_int_equal(addr_parse(&a, "[2001:db8::1]:5"), 0);
	b = a;
	b.u.in6.sin6_flowinfo = 77;
	assert_int_equal(table_hash_addr(&a), table_hash_addr(&b));
	addr_set_port(&b, 6);
	assert_int_not_equal(table_hash_addr(&a), table_hash_addr(&b));
	b = a;
	b.u.in6.sin6_addr.s6_addr[15] = 2;
	assert_int_not_equal(table_hash_addr(&a), table_hash_addr(&b));

	assert_int_equal(addr_parse(&a, "1.2.3.4:5"), 0);
	b = a;
	b.u.in4.sin_zero[0] = 1;
	assert_int_equal(table_hash_addr(&a), table_hash_addr(&b));
	assert_int_equal(addr_parse(&b, "1.2.3.5:5"), 0);
	assert_int_not_equal(table_hash_addr(&a), table_hash_addr(&b));
}

/* ---- the table */

static void
test_items_of_one_hash_are_told_apart_by_key(void **state)
{
	struct item a = { .key = 1 }, b = { .key = 2 };
	struct table *t = table_new(4, is_key);
	uint32_t none = 3;

	(void)state;
	assert_int_equal(table_add(t, 7, &a), 0);
	assert_int_equal(table_add(t, 7, &b), 0);
	assert_ptr_equal(table_find(t, 7, &a.key), &a);
	assert_ptr_equal(table_find(t, 7, &b.key), &b);
	assert_null(table_find(t, 7, &none));
	assert_true(table_remove(t, 7, &a));
	assert_false(table_remove(t, 7, &a));
	assert_null(table_find(t, 7, &a.key));
	assert_ptr_equal(table_find(t, 7, &b.key), &b);
	assert_int_equal(table_count(t), 1);
	table_free(t);
}

enum { KEYS = 700, STEPS = 200000 };

static uint64_t random_state = 88172645463325252;

static uint32_t
next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

/* Many share a slot or neighbour one, some at the end of the array. */
static uint32_t
bad_hash(uint32_t key)
{
	return key % 3 == 0 ? UINT32_MAX - key % 5 : key / 4;
}

static void
check_walk(const struct table *t, const struct item *items, size_t count)
{
	size_t pos = 0, seen = 0;
	const struct item *i;

	assert_int_equal(table_count(t), count);
	while ((i = table_next(t, &pos)) != NULL) {
		assert_true(i->in);
		assert_in_range(i - items, 0, KEYS - 1);
		seen++;
	}
	assert_int_equal(seen, count);
}

static void
test_random_operations_agree_with_a_plain_array(void **state)
{
	static struct item items[KEYS];
	struct table *t = table_new(0, is_key);
	size_t count = 0;

	(void)state;
	for (uint32_t k = 0; k < KEYS; k++)
		items[k].key = k;
	for (int step = 0; step < STEPS; step++) {
		/* the share of keys in use drifts up and down */
		struct item *i = &items[next_random() % KEYS];
		const uint32_t hash = bad_hash(i->key);
		const bool grow =
		    next_random() % 8 < (step / 20000 % 2 ? 2 : 6);

		assert_ptr_equal(
		    table_find(t, hash, &i->key), i->in ? i : NULL);
		if (grow && !i->in) {
			assert_int_equal(table_add(t, hash, i), 0);
			i->in = true;
			count++;
		} else if (!grow) {
			assert_int_equal(table_remove(t, hash, i), i->in);
			count -= i->in;
			i->in = false;
		}
		if (step % 1000 == 0)
			check_walk(t, items, count);
	}
	table_free(t);
}

static void
test_growth_that_fails_leaves_the_table_as_it_was(void **state)
{
	static struct item items[1000];
	struct table *t = table_new(0, is_key);
	uint32_t failures = 0, n = 0;

	(void)state;
	for (uint32_t k = 0; k < 1000; k++) {
		int rc;

		items[k].key = k;
		mem_fail_at(0);
		rc = table_add(t, table_hash(&k, sizeof(k)), &items[k]);
		mem_fail_at(-1);
		if (rc == 0) {
			n++;
			continue;
		}
		assert_int_equal(rc, ENOMEM);
		failures++;
		assert_int_equal(table_count(t), n);
		assert_null(table_find(t, table_hash(&k, sizeof(k)), &k));
		for (uint32_t b = 0; b < k; b++)
			assert_ptr_equal(
			    table_find(t, table_hash(&b, sizeof(b)), &b),
			    &items[b]);
		assert_int_equal(
		    table_add(t, table_hash(&k, sizeof(k)), &items[k]), 0);
		n++;
	}
	assert_in_range(failures, 3, 10);
	assert_int_equal(n, 1000);
	table_free(t);
}

static void
test_a_table_with_room_does_not_grow_within_it(void **state)
{
	static struct item items[1000];
	struct table *t = table_new(1000, is_key);

	(void)state;
	mem_fail_at(-1);
	for (uint32_t k = 0; k < 1000; k++)
		assert_int_equal(
		    table_add(t, table_hash(&k, sizeof(k)), &items[k]), 0);
	assert_int_equal(mem_fail_at(-1), 0);
	table_free(t);
}

static void
test_new_survives_each_failing_allocation(void **state)
{
	struct table *t;
	long n;

	(void)state;
	for (n = 0;; n++) {
		mem_fail_at(n);
		t = table_new(100, is_key);
		mem_fail_at(-1);
		if (t != NULL)
			break;
	}
	assert_int_equal(n, 2);
	table_free(t);
	table_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_siphash_agrees_with_a_second_writing_of_it),
		cmocka_unit_test(
		    test_the_hash_of_an_address_is_of_host_and_port_only),
		cmocka_unit_test(test_items_of_one_hash_are_told_apart_by_key),
		cmocka_unit_test(
		    test_random_operations_agree_with_a_plain_array),
		cmocka_unit_test(
		    test_growth_that_fails_leaves_the_table_as_it_was),
		cmocka_unit_test(
		    test_a_table_with_room_does_not_grow_within_it),
		cmocka_unit_test(test_new_survives_each_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
