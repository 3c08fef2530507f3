#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

#include "common/log.h"
#include "common/mono.h"

enum { STAMP = 24 }; /* "2026-01-02T03:04:05.678Z" */

static char path[] = "/tmp/test_log.XXXXXX";
static char content[1 << 20];

static int
setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

/* Opens the emptied file as log. */
static void
open_log(enum log_level level)
{
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(log_open(level, path), 0);
}

static const char *
read_log(const char *from)
{
	FILE *f = fopen(from, "r");
	size_t n;

	assert_non_null(f);
	n = fread(content, 1, sizeof(content) - 1, f);
	content[n] = '\0';
	fclose(f);
	return content;
}

static int
count_lines(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void
test_a_line_has_time_level_and_text(void **state)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	const char *text;

	(void)state;
	open_log(LOG_LEVEL_INFO);
	log_warn("turn: allocation refused user=%s code=%d", "anna", 486);
	text = read_log(path);
	for (size_t i = 0; i < STAMP; i++) {
		if (form[i] == 'd')
			assert_in_range(text[i], '0', '9');
		else
			assert_int_equal(text[i], form[i]);
	}
	assert_string_equal(text + STAMP,
	    " warn  turn: allocation refused user=anna code=486\n");
}

static void
test_lines_below_the_level_are_left_out(void **state)
{
	(void)state;
	open_log(LOG_LEVEL_WARN);
	log_debug("a: b");
	log_info("a: c");
	log_warn("a: d");
	log_error("a: e");
	assert_null(strstr(read_log(path), "a: b"));
	assert_null(strstr(content, "a: c"));
	assert_non_null(strstr(content, " warn  a: d\n"));
	assert_non_null(strstr(content, " error a: e\n"));
	assert_false(log_is_on(LOG_LEVEL_INFO));
	assert_true(log_is_on(LOG_LEVEL_WARN));
	open_log(LOG_LEVEL_DEBUG);
	log_debug("a: b");
	assert_non_null(strstr(read_log(path), " debug a: b\n"));
}

static void
test_control_characters_cannot_break_a_line(void **state)
{
	(void)state;
	open_log(LOG_LEVEL_INFO);
	log_info("a: user=%s", "x\ny\r\t\x1b[2J\x7f\xc3\xa9\x01~ ");
	assert_string_equal(read_log(path) + STAMP,
	    " info  a: user=x\\x0ay\\x0d\\x09\\x1b[2J\\x7f\xc3\xa9\\x01~ \n");
}

static void
test_a_long_line_is_cut_and_says_so(void **state)
{
	static char big[5000];
	size_t len;

	(void)state;
	open_log(LOG_LEVEL_INFO);
	memset(big, 'x', sizeof(big) - 1);
	log_info("a: %s", big);
	memset(big, '\n', sizeof(big) - 1);
	log_info("a: %s", big);
	read_log(path);
	assert_int_equal(count_lines(content), 2);
	len = strlen(content);
	assert_string_equal(content + len - 8, "\\x0a...\n");
	assert_in_range(strchr(content, '\n') - content, 1000, 1100);
	assert_memory_equal(strchr(content, '\n') - 4, "x...", 4);
}

static void
test_the_limit_lets_ten_a_second_pass_and_counts_the_rest(void **state)
{
	struct log_limit limit;
	long long second;

	(void)state;
	/* again when the second turned meanwhile */
	do {
		memset(&limit, 0, sizeof(limit));
		open_log(LOG_LEVEL_INFO);
		second = mono_now() / 1000;
		for (int i = 0; i < 25; i++)
			log_write(LOG_LEVEL_INFO, &limit, "a: line=%d", i);
	} while (mono_now() / 1000 != second);
	assert_int_equal(count_lines(read_log(path)), LOG_LIMIT_BURST);
	assert_non_null(strstr(content, "a: line=9\n"));
	assert_null(strstr(content, "left_out"));

	limit.window = -1; /* another second */
	log_write(LOG_LEVEL_INFO, &limit, "a: next");
	log_write(LOG_LEVEL_INFO, &limit, "a: one more");
	assert_non_null(strstr(read_log(path), "a: next left_out=15\n"));
	assert_non_null(strstr(content, "a: one more\n"));
}

static void
test_a_line_below_the_level_uses_up_no_limit(void **state)
{
	struct log_limit limit = { .window = 0 };

	(void)state;
	open_log(LOG_LEVEL_WARN);
	for (int i = 0; i < 25; i++)
		log_write(LOG_LEVEL_INFO, &limit, "a: quiet");
	log_write(LOG_LEVEL_WARN, &limit, "a: loud");
	assert_non_null(strstr(read_log(path), "a: loud\n"));
}

static void
test_opening_again_follows_a_rotated_file(void **state)
{
	char old[sizeof(path) + 2];

	(void)state;
	open_log(LOG_LEVEL_INFO);
	log_info("a: before");
	snprintf(old, sizeof(old), "%s.1", path);
	assert_int_equal(rename(path, old), 0);
	log_info("a: between");
	assert_int_equal(log_open(LOG_LEVEL_INFO, path), 0);
	log_info("a: after");
	assert_int_equal(count_lines(read_log(old)), 2);
	assert_int_equal(count_lines(read_log(path)), 1);
	assert_non_null(strstr(content, "a: after\n"));
	assert_int_equal(unlink(old), 0);
}

static void
test_a_failed_open_keeps_the_old_log(void **state)
{
	(void)state;
	open_log(LOG_LEVEL_INFO);
	assert_int_equal(log_open(LOG_LEVEL_ERROR, "/tmp/no/such"), ENOENT);
	log_info("a: still here");
	assert_non_null(strstr(read_log(path), "a: still here\n"));
}

/* Runs the log on a stderr that is the file. */
static const char *
log_to_stderr(const char *journal)
{
	int keep = dup(STDERR_FILENO);
	int fd = open(path, O_WRONLY | O_TRUNC | O_APPEND);

	if (journal != NULL)
		setenv("JOURNAL_STREAM", journal, 1);
	else
		unsetenv("JOURNAL_STREAM");
	assert_true(keep >= 0 && fd >= 0);
	dup2(fd, STDERR_FILENO);
	assert_int_equal(log_open(LOG_LEVEL_DEBUG, "stderr"), 0);
	log_debug("a: b");
	log_info("a: c");
	log_warn("a: d");
	log_error("a: e");
	dup2(keep, STDERR_FILENO);
	close(keep);
	close(fd);
	unsetenv("JOURNAL_STREAM");
	return read_log(path);
}

static void
test_journald_gets_priorities_and_no_time(void **state)
{
	char name[64];
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	assert_string_equal(
	    log_to_stderr(name), "<7>a: b\n<6>a: c\n<4>a: d\n<3>a: e\n");
	/* the variable is inherited, stderr was redirected */
	snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino + 1);
	log_to_stderr(name);
	assert_int_not_equal(content[0], '<');
	assert_non_null(strstr(content, "Z info  a: c\n"));
	log_to_stderr(NULL);
	assert_int_not_equal(content[0], '<');
	log_to_stderr("nonsense");
	assert_int_not_equal(content[0], '<');
}

static void
test_errno_is_kept_and_may_be_printed(void **state)
{
	(void)state;
	open_log(LOG_LEVEL_INFO);
	errno = ENOENT;
	log_info("a: failed error=\"%m\"");
	assert_int_equal(errno, ENOENT);
	assert_non_null(
	    strstr(read_log(path), "error=\"No such file or directory\"\n"));
}

enum { THREADS = 4, LINES = 500 };

static void *
write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_info("a: thread=%d line=%d end", *(int *)arg, i);
	return NULL;
}

static void
test_lines_of_threads_do_not_mix(void **state)
{
	pthread_t thread[THREADS];
	int arg[THREADS], rows = 0;

	(void)state;
	open_log(LOG_LEVEL_INFO);
	for (int i = 0; i < THREADS; i++) {
		arg[i] = i;
		pthread_create(&thread[i], NULL, write_lines, &arg[i]);
	}
	for (int i = 0; i < 50; i++)
		assert_int_equal(log_open(LOG_LEVEL_INFO, path), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	read_log(path);
	for (char *p = content, *end; (end = strchr(p, '\n')) != NULL;
	     p = end + 1) {
		assert_memory_equal(p + STAMP, " info  a: thread=", 17);
		assert_memory_equal(end - 4, " end", 4);
		rows++;
	}
	assert_int_equal(rows, THREADS * LINES);
}

static void
test_levels_have_four_names(void **state)
{
	enum log_level level = LOG_LEVEL_DEBUG;

	(void)state;
	assert_int_equal(log_level_parse(&level, "error"), 0);
	assert_int_equal(level, LOG_LEVEL_ERROR);
	assert_int_equal(log_level_parse(&level, "warn"), 0);
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_int_equal(log_level_parse(&level, "info"), 0);
	assert_int_equal(level, LOG_LEVEL_INFO);
	assert_int_equal(log_level_parse(&level, "debug"), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse(&level, "warning"), EINVAL);
	assert_int_equal(log_level_parse(&level, "INFO"), EINVAL);
	assert_int_equal(log_level_parse(&level, ""), EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_has_time_level_and_text),
		cmocka_unit_test(test_lines_below_the_level_are_left_out),
		cmocka_unit_test(test_control_characters_cannot_break_a_line),
		cmocka_unit_test(test_a_long_line_is_cut_and_says_so),
		cmocka_unit_test(
		    test_the_limit_lets_ten_a_second_pass_and_counts_the_rest),
		cmocka_unit_test(test_a_line_below_the_level_uses_up_no_limit),
		cmocka_unit_test(test_opening_again_follows_a_rotated_file),
		cmocka_unit_test(test_a_failed_open_keeps_the_old_log),
		cmocka_unit_test(test_journald_gets_priorities_and_no_time),
		cmocka_unit_test(test_errno_is_kept_and_may_be_printed),
		cmocka_unit_test(test_lines_of_threads_do_not_mix),
		cmocka_unit_test(test_levels_have_four_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
