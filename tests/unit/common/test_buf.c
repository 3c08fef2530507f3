/* buf: headers go in front and come off without a copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/buf.h"

static void
test_a_new_packet_is_empty_behind_its_headroom(void **state)
{
	uint8_t mem[128];
	struct buf b;

	(void)state;
	buf_init(&b, mem, sizeof(mem), BUF_HEADROOM);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_headroom(&b), BUF_HEADROOM);
	assert_int_equal(buf_tailroom(&b), sizeof(mem) - BUF_HEADROOM);
	assert_ptr_equal(b.data, mem + BUF_HEADROOM);
}

static void
test_put_push_and_pull_move_the_edges_only(void **state)
{
	uint8_t mem[64];
	struct buf b;

	(void)state;
	buf_init(&b, mem, sizeof(mem), 16);
	memcpy(buf_put(&b, 4), "data", 4);
	memcpy(buf_push(&b, 4), "head", 4);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "headdata", 8);
	assert_int_equal(buf_headroom(&b), 12);
	assert_int_equal(buf_tailroom(&b), 64 - 12 - 8);

	assert_memory_equal(buf_pull(&b, 4), "data", 4);
	assert_int_equal(b.len, 4);
	assert_int_equal(buf_headroom(&b), 16);

	buf_trim(&b, 2);
	assert_memory_equal(b.data, "da", b.len);
	assert_int_equal(b.len, 2);
	assert_int_equal(buf_tailroom(&b), 64 - 16 - 2);
}

static void
test_a_packet_may_fill_its_memory_to_both_edges(void **state)
{
	uint8_t mem[8];
	struct buf b;

	(void)state;
	buf_init(&b, mem, sizeof(mem), 4);
	buf_put(&b, 4);
	buf_push(&b, 4);
	assert_int_equal(b.len, 8);
	assert_int_equal(buf_headroom(&b), 0);
	assert_int_equal(buf_tailroom(&b), 0);
	buf_pull(&b, 8);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_headroom(&b), 8);
}

/* Crossing an edge is a broken invariant and ends the process: the edges
 * are crossed in children. */
static int
signal_of(void (*edge)(struct buf *))
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		uint8_t mem[8];
		struct buf b;

		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		buf_init(&b, mem, sizeof(mem), 4);
		buf_put(&b, 2);
		edge(&b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void
push_too_much(struct buf *b)
{
	buf_push(b, 5);
}
static void
pull_too_much(struct buf *b)
{
	buf_pull(b, 3);
}
static void
put_too_much(struct buf *b)
{
	buf_put(b, 3);
}
static void
trim_too_much(struct buf *b)
{
	buf_trim(b, 3);
}
static void
do_nothing(struct buf *b)
{
	(void)b;
}

static void
test_crossing_an_edge_aborts(void **state)
{
	(void)state;
	assert_int_equal(signal_of(do_nothing), 0);
	assert_int_equal(signal_of(push_too_much), SIGABRT);
	assert_int_equal(signal_of(pull_too_much), SIGABRT);
	assert_int_equal(signal_of(put_too_much), SIGABRT);
	assert_int_equal(signal_of(trim_too_much), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_new_packet_is_empty_behind_its_headroom),
		cmocka_unit_test(test_put_push_and_pull_move_the_edges_only),
		cmocka_unit_test(
		    test_a_packet_may_fill_its_memory_to_both_edges),
		cmocka_unit_test(test_crossing_an_edge_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
