#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "relay/switch.h"

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
	strcpy(bed.dir, "/tmp/test_switch.XXXXXX");
	if (mkdtemp(bed.dir) == NULL)
		return -1;
	snprintf(bed.path, sizeof(bed.path), "%s/switch", bed.dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(bed.path);
	rmdir(bed.path);
	return rmdir(bed.dir); /* nothing else was left behind */
}

static void
put(const char *text)
{
	FILE *f = fopen(bed.path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const struct switch_word off = {
	.since_s = 1893456000, .uid = 1000, .reason = "exam \"week\""
};
static const struct switch_word on = { .relay = true, .since_s = 1893456001 };

static void
assert_word(const struct switch_word *want)
{
	struct switch_word got = { .uid = 7 };

	assert_int_equal(switch_read(&got, bed.dir), 0);
	assert_int_equal(got.relay, want->relay);
	assert_int_equal(got.since_s, want->since_s);
	assert_int_equal(got.uid, want->uid);
	assert_string_equal(got.reason, want->reason);
}

/* ---- */

static void
test_without_a_file_nobody_switched_it_off(void **state)
{
	const struct switch_word never = { .relay = true, .uid = -1 };
	struct switch_word w;

	(void)state;
	assert_word(&never);
	assert_int_equal(switch_read(&w, "/nonexistent/folder"), 0);
	assert_true(w.relay);
}

static void
test_a_word_is_read_as_it_was_written(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(switch_write(bed.dir, &off), 0);
	assert_word(&off);
	assert_int_equal(stat(bed.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(switch_write(bed.dir, &on), 0);
	assert_word(&on);
	/* each time the file and its folder */
	assert_int_equal(bed.syncs, 4);
}

static void
test_the_folder_is_made_where_it_is_missing(void **state)
{
	(void)state;
	assert_int_equal(rmdir(bed.dir), 0);
	assert_int_equal(switch_write(bed.dir, &off), 0);
	assert_word(&off);
}

static void
test_a_damaged_file_is_no_word(void **state)
{
	static const char good[] =
	    "{\"relay\":true,\"since\":1,\"uid\":0,\"reason\":\"\"}";
	static const char *const damaged[] = { "", " ", "{", "true", "[]", "{}",
		"{\"relay\":true}",
		"{\"relay\":1,\"since\":1,\"uid\":0,\"reason\":\"\"}",
		"{\"relay\":true,\"since\":\"1\",\"uid\":0,\"reason\":\"\"}",
		"{\"relay\":true,\"since\":1,\"uid\":0.5,\"reason\":\"\"}",
		"{\"relay\":true,\"since\":1,\"uid\":0,\"reason\":null}",
		"{\"relay\":true,\"since\":1,\"uid\":0,\"reason\":\"\"} x",
		"{\"relay\":true,\"since\":1,\"uid\":0,\"reason\":\"\",\"a\":"
		"1}",
		"{\"relay\":false,\"relay\":true,\"since\":1,\"uid\":0,"
		"\"reason\":\"\"}",
		"{\"relay\":true,\"since\":1,\"uid\":0,\"reason\":\"\xff\"}" };
	struct switch_word w = { .uid = 7 };
	char cut[sizeof(good)];

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		put(damaged[i]);
		assert_int_equal(switch_read(&w, bed.dir), EBADMSG);
	}
	for (size_t len = 0; len < sizeof(good) - 1; len++) {
		memcpy(cut, good, len);
		cut[len] = '\0';
		put(cut);
		assert_int_equal(switch_read(&w, bed.dir), EBADMSG);
	}
	assert_int_equal(w.uid, 7); /* untouched */
	put(good);
	assert_int_equal(switch_read(&w, bed.dir), 0);
}

static void
test_a_long_file_or_reason_is_damage(void **state)
{
	char text[4096];
	struct switch_word w;

	(void)state;
	snprintf(text, sizeof(text),
	    "{\"relay\":true,\"since\":1,\"uid\":0,\"reason\":\"%0*d\"}",
	    SWITCH_REASON_MAX, 0);
	put(text);
	assert_int_equal(switch_read(&w, bed.dir), EBADMSG);
	/* one that reads well until it is cut */
	snprintf(text, sizeof(text), "%s%2000s",
	    "{\"relay\":true,\"since\":1,\"uid\":0,\"reason\":\"\"}", "");
	put(text);
	assert_int_equal(switch_read(&w, bed.dir), EBADMSG);
}

static void
test_what_cannot_be_read_is_told(void **state)
{
	struct switch_word w;

	(void)state;
	assert_int_equal(mkdir(bed.path, 0700), 0);
	assert_int_equal(switch_read(&w, bed.dir), EISDIR);
	assert_int_equal(rmdir(bed.path), 0);
	assert_int_equal(symlink("/dev/null", bed.path), 0);
	assert_int_equal(switch_read(&w, bed.dir), ELOOP);
}

/* The old word stands, and nothing lies about. */
static void
test_a_write_that_fails_leaves_the_old_word(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(switch_write(bed.dir, &off), 0);
	bed.failing = bed.syncs + 1;
	assert_int_equal(switch_write(bed.dir, &on), EIO);
	assert_word(&off);

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 10; /* a full disk: the rest does not fit */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(switch_write(bed.dir, &on), EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_word(&off);
}

/* The folder's own fsync: nobody may rely on the new name. */
static void
test_a_name_that_is_not_on_the_disk_is_a_failure(void **state)
{
	(void)state;
	bed.failing = 2;
	assert_int_equal(switch_write(bed.dir, &off), EIO);
}

static void
test_a_path_that_is_too_long_is_refused(void **state)
{
	char dir[SWITCH_PATH_MAX];
	struct switch_word w;

	(void)state;
	memset(dir, 'd', sizeof(dir) - 1);
	dir[sizeof(dir) - 1] = '\0';
	assert_int_equal(switch_read(&w, dir), ENAMETOOLONG);
	assert_int_equal(switch_write(dir, &off), ENAMETOOLONG);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_without_a_file_nobody_switched_it_off),
		CASE(test_a_word_is_read_as_it_was_written),
		CASE(test_the_folder_is_made_where_it_is_missing),
		CASE(test_a_damaged_file_is_no_word),
		CASE(test_a_long_file_or_reason_is_damage),
		CASE(test_what_cannot_be_read_is_told),
		CASE(test_a_write_that_fails_leaves_the_old_word),
		CASE(test_a_name_that_is_not_on_the_disk_is_a_failure),
		CASE(test_a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
