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

#include "common/file.h"
#include "common/mem.h"

static struct {
	char dir[64];
	char path[96];
	int syncs;   /* so far */
	int failing; /* the n-th fsync fails; 0: none */
} bed;

/* In the place of libc's: a disk that fails when it is told to. */
int
fsync(int fd)
{
	(void)fd;
	if (++bed.syncs != bed.failing)
		return 0;
	errno = EIO;
	return -1;
}

static int
set_up(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	strcpy(bed.dir, "/tmp/test_file.XXXXXX");
	if (mkdtemp(bed.dir) == NULL)
		return -1;
	snprintf(bed.path, sizeof(bed.path), "%s/kept", bed.dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(bed.path);
	return rmdir(bed.dir); /* nothing else was left behind */
}

static void
assert_holds(const char *want)
{
	char got[64] = "";
	FILE *f = fopen(bed.path, "r");

	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(got, want);
}

static void
test_the_text_and_the_name_are_on_the_disk(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(file_replace(bed.path, "one", 0600), 0);
	assert_int_equal(bed.syncs, 2);
	assert_holds("one");
	assert_int_equal(stat(bed.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_replace(bed.path, "2", 0600), 0);
	assert_holds("2");
}

static void
test_what_fails_leaves_what_was_there(void **state)
{
	(void)state;
	assert_int_equal(file_replace(bed.path, "one", 0600), 0);
	bed.failing = bed.syncs + 1;
	assert_int_equal(file_replace(bed.path, "two", 0600), EIO);
	assert_holds("one");
}

static void
test_a_name_that_is_not_on_the_disk_is_told(void **state)
{
	(void)state;
	bed.failing = 2;
	assert_int_equal(file_replace(bed.path, "one", 0600), EIO);
	assert_holds("one");
}

static void
test_a_folder_in_its_place_is_left_alone(void **state)
{
	(void)state;
	assert_int_equal(mkdir(bed.path, 0700), 0);
	assert_int_equal(file_replace(bed.path, "one", 0600), EISDIR);
	assert_int_equal(rmdir(bed.path), 0);
}

static void
test_a_path_too_long_is_refused(void **state)
{
	static char path[FILE_PATH_MAX];

	(void)state;
	memset(path, 'a', sizeof(path) - sizeof(".new") + 1);
	assert_int_equal(file_replace(path, "one", 0600), ENAMETOOLONG);
}

static void
test_a_file_is_read_whole_or_not_at_all(void **state)
{
	char *text = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(file_replace(bed.path, "seven \n", 0600), 0);
	assert_int_equal(file_read(&text, &len, bed.path, 7), 0);
	assert_int_equal(len, 7);
	assert_string_equal(text, "seven \n");
	mem_free(text);
	text = NULL;
	assert_int_equal(file_read(&text, &len, bed.path, 6), EFBIG);
	assert_int_equal(file_read(&text, &len, bed.dir, 100), EISDIR);
	unlink(bed.path);
	assert_int_equal(file_read(&text, &len, bed.path, 100), ENOENT);
	assert_int_equal(file_replace(bed.path, "", 0600), 0);
	mem_fail_at(0);
	assert_int_equal(file_read(&text, &len, bed.path, 100), ENOMEM);
	mem_fail_at(-1);
	assert_null(text);
	assert_int_equal(file_read(&text, &len, bed.path, 100), 0);
	assert_int_equal(len, 0);
	mem_free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_the_text_and_the_name_are_on_the_disk, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_what_fails_leaves_what_was_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_name_that_is_not_on_the_disk_is_told, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    test_a_folder_in_its_place_is_left_alone, set_up,
		    tear_down),
		cmocka_unit_test(test_a_path_too_long_is_refused),
		cmocka_unit_test_setup_teardown(
		    test_a_file_is_read_whole_or_not_at_all, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
