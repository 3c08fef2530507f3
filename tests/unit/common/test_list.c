/* list: order, removal while walking, nodes that are in no list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/list.h"

struct item {
	int value;
	struct list node;
};

static int
digits(const struct list *head)
{
	const struct list *n;
	int all = 0;

	LIST_EACH (n, head)
		all = all * 10 + LIST_ITEM(n, const struct item, node)->value;
	return all;
}

static void
test_items_stand_in_the_order_they_came(void **state)
{
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };
	struct list head;

	(void)state;
	list_init(&head);
	assert_true(list_is_empty(&head));
	list_append(&head, &a.node);
	list_append(&head, &b.node);
	list_append(&head, &c.node);
	assert_false(list_is_empty(&head));
	assert_int_equal(digits(&head), 123);
	list_remove(&b.node);
	assert_int_equal(digits(&head), 13);
	list_append(&head, &b.node);
	assert_int_equal(digits(&head), 132);
}

static void
test_removing_what_is_in_no_list_is_legal(void **state)
{
	struct item a = { .value = 1 };
	struct list head;

	(void)state;
	list_init(&head);
	list_remove(&a.node);
	assert_false(list_is_linked(&a.node));
	list_append(&head, &a.node);
	assert_true(list_is_linked(&a.node));
	list_remove(&a.node);
	list_remove(&a.node);
	assert_false(list_is_linked(&a.node));
	assert_true(list_is_empty(&head));
}

static void
test_a_safe_walk_may_remove_each_node(void **state)
{
	struct item items[4] = { { .value = 1 }, { .value = 2 }, { .value = 3 },
		{ .value = 4 } };
	struct list head, *n, *next;
	int seen = 0;

	(void)state;
	list_init(&head);
	for (int i = 0; i < 4; i++)
		list_append(&head, &items[i].node);
	LIST_EACH_SAFE (n, next, &head) {
		seen++;
		if (LIST_ITEM(n, struct item, node)->value % 2 == 0)
			list_remove(n);
	}
	assert_int_equal(seen, 4);
	assert_int_equal(digits(&head), 13);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items_stand_in_the_order_they_came),
		cmocka_unit_test(test_removing_what_is_in_no_list_is_legal),
		cmocka_unit_test(test_a_safe_walk_may_remove_each_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
