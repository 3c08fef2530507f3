#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/addr.h"
#include "common/mem.h"
#include "signalling/counts.h"

static const struct signal_counts_limits limits = {
	.all = 5, .per_address = 2, .per_prefix = 3
};

static struct addr
at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static void
test_an_address_its_prefix_and_the_host_have_limits(void **state)
{
	static const struct {
		const char *from;
		int rc;
	} rows[] = {
		{ "192.0.2.1:1", 0 }, { "192.0.2.1:2", 0 },
		{ "192.0.2.1:3", EDQUOT }, /* the address */
		{ "192.0.2.2:1", 0 }, { "192.0.2.3:1", EDQUOT }, /* the /24 */
		{ "[2001:db8:0:ff::1]:1", 0 },
		{ "[2001:db8:0:1::1]:1", 0 }, /* of the same /56 */
		{ "198.51.100.1:1", EUSERS }, /* the host */
	};
	struct signal_counts *c = signal_counts_new();
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		a = at(rows[i].from);
		assert_int_equal(
		    signal_counts_take(c, &a, &limits), rows[i].rc);
	}
	a = at("192.0.2.1:9");
	signal_counts_put(c, &a);
	assert_int_equal(signal_counts_take(c, &a, &limits), 0);
	signal_counts_free(c);
}

static void
test_so_many_may_be_before_their_hello(void **state)
{
	const struct addr one = at("192.0.2.1:1"), near = at("192.0.2.9:1");
	const struct addr far = at("198.51.100.1:1");
	struct signal_counts *c = signal_counts_new();

	(void)state;
	assert_true(signal_counts_enter(c, &one, 4));
	assert_true(signal_counts_enter(c, &near, 4));
	assert_false(signal_counts_enter(c, &one, 4)); /* half of them */
	assert_true(signal_counts_enter(c, &far, 4));
	assert_false(signal_counts_enter(c, &one, 4));
	assert_true(signal_counts_enter(c, &far, 4));
	signal_counts_leave(c, &far);
	signal_counts_leave(c, &near);
	assert_true(signal_counts_enter(c, &one, 4));
	assert_false(signal_counts_enter(c, &one, 4));
	signal_counts_leave(c, &one);
	signal_counts_leave(c, &one);
	signal_counts_leave(c, &far);
	assert_true(signal_counts_enter(c, &near, 1));
	signal_counts_free(c);
}

static void
test_short_memory_counts_nobody(void **state)
{
	struct signal_counts *c = NULL;
	const struct addr a = at("192.0.2.1:1");
	int rc = ENOMEM;
	long n;

	(void)state;
	for (n = 0; c == NULL; n++) {
		mem_fail_at(n);
		c = signal_counts_new();
		mem_fail_at(-1);
	}
	assert_true(n > 1);
	for (n = 0; rc != 0; n++) {
		mem_fail_at(n);
		rc = signal_counts_take(c, &a, &limits);
		mem_fail_at(-1);
	}
	assert_true(n > 1);
	assert_int_equal(signal_counts_take(c, &a, &limits), 0);
	assert_int_equal(signal_counts_take(c, &a, &limits), EDQUOT);
	signal_counts_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_an_address_its_prefix_and_the_host_have_limits),
		cmocka_unit_test(test_so_many_may_be_before_their_hello),
		cmocka_unit_test(test_short_memory_counts_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
