#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>
#include <cmocka.h>

#include "common/chain.h"
#include "common/mem.h"
#include "relay/audit_file.h"
#include "relay/audit_key.h"

enum { START_MS = 1000000000, ROTATE = 4096, KEPT = 5 };

static char dir[64], path[96], head[96], moved[96], why[256];
static struct audit_key key;
static struct audit_file_config config;

static int
setup(void **state)
{
	char name[96];

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/audit-file.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/audit.log", dir);
	snprintf(moved, sizeof(moved), "%s/moved", dir);
	snprintf(head, sizeof(head), "%s/audit.head", dir);
	snprintf(name, sizeof(name), "%s/audit.key", dir);
	config = (struct audit_file_config){
		.path = path, .head = head, .key = &key
	};
	return audit_key_load(&key, name, why, sizeof(why));
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct audit_file *
begin(int64_t at)
{
	struct audit_file *f = NULL;

	assert_int_equal(audit_file_open(&f, &config, at, why, sizeof(why)), 0);
	return f;
}

static void
add(struct audit_file *f, int64_t at, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		audit_file_add(f, at, "opened", "\"bytes\":7");
	assert_int_equal(audit_file_flush(f, at), 0);
}

/* Goes on as after kill -9: nothing is sealed. */
static struct audit_file *
reborn(struct audit_file *f, int64_t at)
{
	mem_free(f); /* its descriptor goes with the test */
	return begin(at);
}

static uint64_t
seq(const struct audit_file *f)
{
	struct audit_file_view v;

	audit_file_view(f, &v);
	return v.seq;
}

/* Feeds a file to k; returns the first fault, and counts its events. */
static enum chain_fault
check(
    struct chain_check *k, const char *name, const char *event, unsigned *count)
{
	char want[64], *line = NULL;
	enum chain_fault f = CHAIN_GOOD;
	size_t room = 0;
	ssize_t n;
	FILE *in = fopen(name, "r");

	assert_non_null(in);
	*count = 0;
	snprintf(want, sizeof(want), "\"event\":\"%s\"", event);
	while ((n = getline(&line, &room, in)) > 0) {
		assert_int_equal(line[n - 1], '\n');
		if (f == CHAIN_GOOD)
			f = chain_check_line(k, line, (size_t)n - 1);
		*count += strstr(line, want) != NULL;
	}
	free(line);
	fclose(in);
	return f;
}

/* The one file is good, and holds so many of event. */
static void
holds(const char *event, unsigned want)
{
	struct chain_check k;
	unsigned count;

	chain_check_init(&k, key.public_key);
	assert_int_equal(check(&k, path, event, &count), CHAIN_GOOD);
	assert_int_equal(count, want);
}

static uint64_t
size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return (uint64_t)st.st_size;
}

/* ---- */

static void
test_lines_are_on_disk_after_a_flush(void **state)
{
	struct audit_file *f = begin(START_MS);

	(void)state;
	add(f, START_MS, 3);
	holds("opened", 3);
	holds("open", 1);
	holds("checkpoint", 0);
	audit_file_close(f, START_MS);
	holds("checkpoint", 1);
}

static void
test_a_checkpoint_comes_ten_seconds_after_a_line(void **state)
{
	struct audit_file *f = begin(START_MS);

	(void)state;
	add(f, START_MS, 1);
	assert_true(audit_file_wait_ms(f, START_MS) <= 1000);
	add(f, START_MS + AUDIT_FILE_CHECKPOINT_MS - 1, 0);
	holds("checkpoint", 0);
	add(f, START_MS + AUDIT_FILE_CHECKPOINT_MS, 0);
	holds("checkpoint", 1);
	/* and no other without a line */
	add(f, START_MS + 10 * AUDIT_FILE_CHECKPOINT_MS, 0);
	holds("checkpoint", 1);
	assert_true(audit_file_wait_ms(f, START_MS) > 1000);
	/* nor is one put off by a clock that was set back */
	add(f, START_MS + 10 * AUDIT_FILE_CHECKPOINT_MS, 1);
	add(f, START_MS, 0);
	holds("checkpoint", 2);
	audit_file_close(f, START_MS);
}

static void
test_a_checkpoint_comes_after_many_lines(void **state)
{
	struct audit_file *f = begin(START_MS);

	(void)state;
	add(f, START_MS, AUDIT_FILE_CHECKPOINT_LINES - 2);
	holds("checkpoint", 0);
	add(f, START_MS, 1);
	holds("checkpoint", 1);
	audit_file_close(f, START_MS);
}

static void
test_more_lines_than_the_buffer_holds_are_written(void **state)
{
	struct audit_file *f = begin(START_MS);

	(void)state;
	add(f, START_MS, 5000);
	holds("opened", 5000);
	audit_file_close(f, START_MS);
}

static void
test_a_line_that_is_too_long_leaves_its_event(void **state)
{
	static char members[CHAIN_LINE_MAX + 64];
	struct audit_file *f = begin(START_MS);

	(void)state;
	snprintf(members, sizeof(members), "\"a\":\"%0*d\"", CHAIN_LINE_MAX, 0);
	audit_file_add(f, START_MS, "opened", members);
	add(f, START_MS, 1);
	holds("opened", 2);
	audit_file_close(f, START_MS);
}

/* ---- kill -9 */

static void
test_the_chain_goes_on_after_a_kill(void **state)
{
	struct audit_file *f = begin(START_MS);

	(void)state;
	add(f, START_MS, 4);
	for (unsigned i = 0; i < 5; i++) {
		f = reborn(f, START_MS + i);
		add(f, START_MS + i, 4);
	}
	audit_file_close(f, START_MS);
	holds("opened", 24);
	holds("open", 1);
	holds("gap", 0);
}

static void
test_a_torn_line_is_cut_off_and_told(void **state)
{
	struct audit_file *f = begin(START_MS);
	uint64_t whole, all;

	(void)state;
	add(f, START_MS, 3);
	whole = size_of(path);
	add(f, START_MS, 1);
	all = size_of(path);
	for (uint64_t cut = 1; cut < all - whole; cut++) {
		assert_int_equal(truncate(path, (off_t)(whole + cut)), 0);
		f = reborn(f, START_MS);
		add(f, START_MS, 0);
		holds("opened", 3);
		holds("gap", 1);
		assert_int_equal(truncate(path, (off_t)whole), 0);
		f = reborn(f, START_MS);
		add(f, START_MS, 1);
	}
	audit_file_close(f, START_MS);
}

static void
test_lines_that_somebody_cut_off_are_told(void **state)
{
	struct audit_file *f = begin(START_MS);
	uint64_t whole;

	(void)state;
	add(f, START_MS, 3);
	whole = size_of(path);
	add(f, START_MS, 5);
	audit_file_close(f, START_MS);
	assert_int_equal(truncate(path, (off_t)whole), 0);
	f = begin(START_MS);
	add(f, START_MS, 0);
	holds("gap", 1);
	audit_file_close(f, START_MS);
	/* told once */
	audit_file_close(begin(START_MS), START_MS);
	holds("gap", 1);
}

static void
test_a_log_that_is_none_is_set_aside(void **state)
{
	static const char *const bad[] = { "hello\n", "{}\n", "no newline",
		"\n" };
	struct audit_file *f;
	char command[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *out = fopen(path, "w");

		assert_non_null(out);
		fputs(bad[i], out);
		fclose(out);
		f = begin(START_MS + (int64_t)i);
		add(f, START_MS, 1);
		holds("gap", 1);
		audit_file_close(f, START_MS);
		snprintf(command, sizeof(command),
		    "printf '%s' | cmp -s - %s.damaged-%lld",
		    bad[i][0] == '\n' ? "\\n" : bad[i], path,
		    (long long)START_MS + (long long)i);
		assert_int_equal(system(command), 0);
		unlink(head);
	}
}

static void
test_a_missing_log_goes_on_where_the_seal_says(void **state)
{
	struct audit_file *f = begin(START_MS);
	struct chain_check k;
	unsigned count;

	(void)state;
	add(f, START_MS, 3);
	audit_file_close(f, START_MS);
	assert_int_equal(rename(path, moved), 0);
	f = begin(START_MS);
	add(f, START_MS, 2);
	audit_file_close(f, START_MS);
	chain_check_init(&k, key.public_key);
	assert_int_equal(check(&k, moved, "opened", &count), CHAIN_GOOD);
	assert_int_equal(count, 3);
	assert_int_equal(check(&k, path, "opened", &count), CHAIN_GOOD);
	assert_int_equal(count, 2);
}

static void
test_a_damaged_seal_is_not_believed(void **state)
{
	struct audit_file *f = begin(START_MS);
	FILE *out;

	(void)state;
	add(f, START_MS, 3);
	audit_file_close(f, START_MS);
	out = fopen(head, "r+");
	assert_non_null(out);
	fseek(out, 10, SEEK_SET);
	fputc('9', out); /* far more lines */
	fclose(out);
	f = begin(START_MS);
	add(f, START_MS, 1);
	holds("gap", 0);
	audit_file_close(f, START_MS);
}

/* ---- rotation */

static void
test_a_file_is_rotated_by_size_and_by_age(void **state)
{
	struct audit_file *f;
	struct chain_check k;
	unsigned count, files = 0, all = 0;
	char name[128];

	(void)state;
	config.rotate_bytes = ROTATE;
	f = begin(START_MS);
	for (unsigned i = 0; i < 100; i++)
		add(f, START_MS, 1);
	add(f, START_MS + AUDIT_FILE_AGE_MS, 1);
	audit_file_close(f, START_MS + AUDIT_FILE_AGE_MS);
	chain_check_init(&k, key.public_key);
	do {
		snprintf(name, sizeof(name), "%s.%012llu", path,
		    (unsigned long long)k.at.seq + 1);
		if (access(name, R_OK) < 0)
			break;
		assert_true(size_of(name) <= ROTATE + 1024);
		assert_int_equal(check(&k, name, "opened", &count), CHAIN_GOOD);
		all += count;
		files++;
	} while (files < 100);
	assert_int_equal(check(&k, path, "opened", &count), CHAIN_GOOD);
	assert_int_equal(all + count, 101);
	assert_true(files >= 4);
	/* for its age */
	assert_int_equal(count, 0);
}

/* A file of that name is not replaced, nothing is lost. */
static void
test_a_name_that_is_taken_puts_rotation_off(void **state)
{
	struct audit_file *f;
	char name[128];

	(void)state;
	snprintf(name, sizeof(name), "%s.%012d", path, 1);
	close(open(name, O_CREAT | O_WRONLY, 0600));
	config.rotate_bytes = ROTATE;
	f = begin(START_MS);
	for (unsigned i = 0; i < 50; i++)
		add(f, START_MS, 1);
	audit_file_close(f, START_MS);
	assert_int_equal(size_of(name), 0);
	holds("opened", 50);
}

static void
test_files_past_their_retention_are_removed(void **state)
{
	const char *const keep[] = { "audit.log.1", "audit.log.00000000000x",
		"audit.log.0000000000011", "other.log.000000000001",
		"audit.log.000000000001.gz" };
	const struct utimbuf old = { 100, 100 };
	char name[128];
	struct audit_file *f;

	(void)state;
	for (size_t i = 0; i < KEPT; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, keep[i]);
		close(open(name, O_CREAT | O_WRONLY, 0600));
		assert_int_equal(utime(name, &old), 0);
	}
	config.rotate_bytes = ROTATE;
	config.retention_s = 60;
	f = begin(START_MS);
	add(f, START_MS, 30);
	snprintf(name, sizeof(name), "%s.%012d", path, 1);
	assert_int_equal(access(name, F_OK), 0);
	assert_int_equal(utime(name, &old), 0);
	audit_file_close(f, START_MS);
	audit_file_close(begin(161 * 1000 - 1500), 161 * 1000);
	assert_int_equal(access(name, F_OK), 0);
	audit_file_close(begin(161 * 1000), 161 * 1000);
	assert_int_not_equal(access(name, F_OK), 0);
	for (size_t i = 0; i < KEPT; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, keep[i]);
		assert_int_equal(access(name, F_OK), 0);
	}
}

static void
test_a_file_moved_by_others_is_left_to_them(void **state)
{
	struct audit_file *f = begin(START_MS);
	struct chain_check k;
	unsigned count;

	(void)state;
	add(f, START_MS, 2);
	assert_int_equal(audit_file_reopen(f, &config, START_MS), 0);
	holds("open", 1);
	assert_int_equal(rename(path, moved), 0);
	add(f, START_MS, 1);
	assert_int_equal(audit_file_reopen(f, &config, START_MS), 0);
	add(f, START_MS, 3);
	/* "create" of logrotate(8) */
	assert_int_equal(unlink(moved), 0);
	assert_int_equal(rename(path, moved), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(audit_file_reopen(f, &config, START_MS), 0);
	add(f, START_MS, 4);
	audit_file_close(f, START_MS);
	chain_check_init(&k, key.public_key);
	assert_int_equal(check(&k, moved, "opened", &count), CHAIN_GOOD);
	assert_int_equal(count, 3);
	assert_int_equal(check(&k, path, "opened", &count), CHAIN_GOOD);
	assert_int_equal(count, 4);
}

/* ---- a full disk: a limit on the size of files stands in for it */

static void
set_limit(uint64_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes != 0 ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
test_what_a_full_disk_cost_is_told(void **state)
{
	struct audit_file *f = begin(START_MS);
	struct audit_file_view v;
	uint64_t before;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	add(f, START_MS, 2);
	before = size_of(path);
	set_limit(before + 100); /* a line is torn */
	for (unsigned i = 0; i < 3; i++) {
		audit_file_add(f, START_MS, "closed", "");
		assert_int_equal(audit_file_flush(f, START_MS), EFBIG);
		assert_int_equal(size_of(path), before);
	}
	audit_file_view(f, &v);
	assert_int_equal(v.lost, 3);
	audit_file_lose(f, 5);
	set_limit(0);
	assert_int_equal(audit_file_flush(f, START_MS), 0);
	add(f, START_MS, 1);
	audit_file_close(f, START_MS);
	holds("closed", 0);
	holds("opened", 3);
	holds("lost", 1);
	{
		char command[160];

		snprintf(command, sizeof(command),
		    "grep -q '\"event\":\"lost\",\"count\":8' %s", path);
		assert_int_equal(system(command), 0);
	}
}

static void
test_a_disk_full_from_the_start_spoils_nothing(void **state)
{
	struct audit_file *f = begin(START_MS);

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	set_limit(10);
	audit_file_add(f, START_MS, "start", "");
	assert_int_equal(audit_file_flush(f, START_MS), EFBIG);
	set_limit(0);
	add(f, START_MS, 1);
	audit_file_close(f, START_MS);
	holds("open", 1);
	holds("lost", 1);
	holds("opened", 1);
	f = begin(START_MS);
	assert_int_equal(seq(f), 4); /* and a checkpoint */
	audit_file_close(f, START_MS);
}

static void
test_a_seal_that_cannot_be_kept_is_told(void **state)
{
	struct audit_file *f = begin(START_MS);
	int64_t at = START_MS;

	(void)state;
	config.head = "/nonexistent/head";
	f = reborn(f, at);
	add(f, at, 1);
	at += AUDIT_FILE_CHECKPOINT_MS;
	assert_int_equal(audit_file_flush(f, at), ENOENT);
	/* until it can; without a checkpoint each time */
	assert_int_equal(audit_file_flush(f, at + 1), ENOENT);
	holds("checkpoint", 1);
	mem_free(f);
}

static void
test_short_memory_refuses_the_start(void **state)
{
	struct audit_file *f = NULL;
	int rc;

	(void)state;
	for (long n = 0;; n++) {
		mem_fail_at(n);
		rc = audit_file_open(&f, &config, START_MS, why, sizeof(why));
		mem_fail_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
	}
	audit_file_close(f, START_MS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines_are_on_disk_after_a_flush),
		TEST(test_a_checkpoint_comes_ten_seconds_after_a_line),
		TEST(test_a_checkpoint_comes_after_many_lines),
		TEST(test_more_lines_than_the_buffer_holds_are_written),
		TEST(test_a_line_that_is_too_long_leaves_its_event),
		TEST(test_the_chain_goes_on_after_a_kill),
		TEST(test_a_torn_line_is_cut_off_and_told),
		TEST(test_lines_that_somebody_cut_off_are_told),
		TEST(test_a_log_that_is_none_is_set_aside),
		TEST(test_a_missing_log_goes_on_where_the_seal_says),
		TEST(test_a_damaged_seal_is_not_believed),
		TEST(test_a_file_is_rotated_by_size_and_by_age),
		TEST(test_a_name_that_is_taken_puts_rotation_off),
		TEST(test_files_past_their_retention_are_removed),
		TEST(test_a_file_moved_by_others_is_left_to_them),
		TEST(test_what_a_full_disk_cost_is_told),
		TEST(test_a_disk_full_from_the_start_spoils_nothing),
		TEST(test_a_seal_that_cannot_be_kept_is_told),
		TEST(test_short_memory_refuses_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
