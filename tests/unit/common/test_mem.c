#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/mem.h"

static void
assert_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(p[i], 0);
}

static void
test_memory_comes_zeroed(void **state)
{
	/* dirty memory first, so that zero is not luck */
	uint8_t *p = mem_try(1, 1000);

	(void)state;
	memset(p, 0xa5, 1000);
	mem_free(p);
	p = mem_try(10, 100);
	assert_zero(p, 1000);
	mem_free(p);
}

static void
test_aligned_memory_starts_a_cache_line_and_is_zeroed(void **state)
{
	(void)state;
	mallopt(M_PERTURB, 0xa5); /* memory comes dirty from the allocator */
	for (size_t size = 1; size < 300; size += 13) {
		uint8_t *p = mem_try_aligned(size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		assert_zero(p, size);
		mem_free(p);
	}
	mallopt(M_PERTURB, 0);
}

static void
test_too_large_a_request_fails_instead_of_wrapping(void **state)
{
	volatile size_t half = SIZE_MAX / 2 + 2; /* 2 * half wraps to 2 */

	(void)state;
#ifndef SANITIZED /* sanitizers end the program here */
	assert_null(mem_try(2, half));
#endif
	assert_null(mem_try_aligned(half + half - 4));
}

static void
test_strdup_copies(void **state)
{
	char text[] = "abc";
	char *copy = mem_strdup(text);

	(void)state;
	text[0] = 'x';
	assert_string_equal(copy, "abc");
	mem_free(copy);
}

static void
test_only_the_nth_allocation_fails(void **state)
{
	void *p[4];

	(void)state;
	mem_fail_at(2);
	p[0] = mem_try(1, 1);
	p[1] = mem_try_aligned(1);
	p[2] = mem_strdup("gone");
	p[3] = mem_try(1, 1);
	assert_int_equal(mem_fail_at(-1), 4);
	assert_non_null(p[0]);
	assert_non_null(p[1]);
	assert_null(p[2]);
	assert_non_null(p[3]);
	for (int i = 0; i < 4; i++)
		mem_free(p[i]);
}

static void
test_minus_one_fails_none_but_counts(void **state)
{
	(void)state;
	mem_fail_at(-1);
	for (int i = 0; i < 5; i++) {
		void *p = mem_try(1, 1);

		assert_non_null(p);
		mem_free(p);
	}
	assert_int_equal(mem_fail_at(-1), 5);
	assert_int_equal(mem_fail_at(-1), 0);
}

static void
test_must_ends_the_program_when_short(void **state)
{
	const struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		close(STDERR_FILENO);
		mem_fail_at(0);
		mem_must(1, 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_comes_zeroed),
		cmocka_unit_test(
		    test_aligned_memory_starts_a_cache_line_and_is_zeroed),
		cmocka_unit_test(
		    test_too_large_a_request_fails_instead_of_wrapping),
		cmocka_unit_test(test_strdup_copies),
		cmocka_unit_test(test_only_the_nth_allocation_fails),
		cmocka_unit_test(test_minus_one_fails_none_but_counts),
		cmocka_unit_test(test_must_ends_the_program_when_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
