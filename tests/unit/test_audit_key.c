#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "relay/audit_key.h"

static char dir[64], path[96], why[256];

static int
setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/audit-key.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/audit.key", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void
load(struct audit_key *k)
{
	assert_int_equal(audit_key_load(k, path, why, sizeof(why)), 0);
}

static size_t
slurp(char out[512])
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, 511, f);
	fclose(f);
	out[n] = '\0';
	return n;
}

static void
spit(const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fwrite(text, 1, len, f);
	fclose(f);
}

static void
test_a_key_is_made_once_and_kept_to_its_owner(void **state)
{
	struct audit_key a, b;
	struct stat st;

	(void)state;
	load(&a);
	load(&b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_memory_not_equal(a.seed, a.subjects, sizeof(a.seed));
}

static void
test_no_two_keys_are_the_same(void **state)
{
	struct audit_key a, b;

	(void)state;
	load(&a);
	unlink(path);
	load(&b);
	assert_memory_not_equal(a.seed, b.seed, sizeof(a.seed));
	assert_memory_not_equal(a.subjects, b.subjects, sizeof(a.subjects));
}

static void
test_a_damaged_key_is_refused_and_left_as_it_is(void **state)
{
	char text[512], bad[512], after[512];
	struct audit_key k;
	size_t n;

	(void)state;
	load(&k);
	n = slurp(text);
	for (size_t i = 0; i + 1 < n; i++) {
		/* cut short, and with a byte that cannot be */
		spit(text, i);
		assert_int_equal(
		    audit_key_load(&k, path, why, sizeof(why)), EINVAL);
		memcpy(bad, text, n + 1);
		bad[i] = '~';
		spit(bad, n);
		assert_int_equal(
		    audit_key_load(&k, path, why, sizeof(why)), EINVAL);
		assert_non_null(strstr(why, "damaged"));
		slurp(after);
		assert_string_equal(after, bad);
	}
	memcpy(text + n, "more\n", sizeof("more\n"));
	spit(text, strlen(text));
	assert_int_equal(audit_key_load(&k, path, why, sizeof(why)), EINVAL);
}

static void
test_a_folder_that_is_not_there_is_named(void **state)
{
	struct audit_key k;
	char no[128];

	(void)state;
	snprintf(no, sizeof(no), "%s/none/audit.key", dir);
	assert_int_equal(audit_key_load(&k, no, why, sizeof(why)), ENOENT);
	assert_non_null(strstr(why, no));
	load(&k); /* for the teardown */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_a_key_is_made_once_and_kept_to_its_owner, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_no_two_keys_are_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_damaged_key_is_refused_and_left_as_it_is, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_folder_that_is_not_there_is_named, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
