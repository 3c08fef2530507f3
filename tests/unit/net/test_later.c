#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/later.h"

static void
test_what_is_made_anew_is_kept(void **state)
{
	static struct net_later l;
	char a[] = "a", b[] = "b";
	struct iovec iov[2] = { { a, 1 }, { b, 1 } };
	_Alignas(8) char control[24];
	struct sockaddr_in to = { .sin_family = AF_INET };
	const struct msghdr plain = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = iov,
		.msg_iovlen = 1,
	};
	struct msghdr full = plain;
	const struct net_later_item item = { .first = 7, .count = 2 };
	const struct msghdr *first, *second;

	(void)state;
	memset(control, 'c', sizeof(control));
	full.msg_iovlen = 2;
	full.msg_control = control;
	full.msg_controllen = sizeof(control);
	for (int round = 0; round < 3; round++) {
		memset(control, 'c', sizeof(control));
		iov[0] = (struct iovec){ a, 1 };
		first = net_later_keep(&l, &item, &plain);
		second = net_later_keep(&l, &item, &full);
		/* the next message is made in the same place */
		memset(control, 'x', sizeof(control));
		iov[0] = (struct iovec){ b, 1 };
		assert_null(first->msg_control);
		assert_ptr_equal(first->msg_name, &to);
		assert_ptr_equal(first->msg_iov[0].iov_base, a);
		assert_ptr_equal(second->msg_iov[0].iov_base, a);
		assert_ptr_equal(second->msg_iov[1].iov_base, b);
		assert_int_equal(*(char *)second->msg_control, 'c');
		assert_int_equal(second->msg_controllen, sizeof(control));
		assert_int_equal(l.count, 2);
		assert_int_equal(l.items[1].first, 7);
		net_later_clear(&l);
	}
}

static void
test_as_many_fit_as_may_be_submitted(void **state)
{
	static struct net_later l;
	char a[] = "a";
	struct iovec iov = { a, 1 };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	const struct net_later_item item = { .count = 1 };

	(void)state;
	for (int i = 0; i < URING_SENDS; i++)
		assert_ptr_equal(
		    net_later_keep(&l, &item, &m)->msg_iov[0].iov_base, a);
	assert_int_equal(l.count, URING_SENDS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_made_anew_is_kept),
		cmocka_unit_test(test_as_many_fit_as_may_be_submitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
