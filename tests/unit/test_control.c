#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/mem.h"
#include "relay/control.h"

enum { TURNS_MAX = 1000, ANSWER_MAX = 256 * 1024 };

struct fixture {
	struct event_base *base;
	struct control *control;
	struct control_call *later; /* held back by the verb `later` */
	char dir[64];
	char path[96];
	char why[256];
};

static char answer[ANSWER_MAX];

static void
run_echo(void *arg, struct control_call *call, const json_t *args)
{
	(void)arg;
	control_answer(call, json_pack("{s:O?}", "args", args));
}

static void
run_later(void *arg, struct control_call *call, const json_t *args)
{
	struct fixture *f = arg;

	(void)args;
	f->later = call;
}

static void
run_large(void *arg, struct control_call *call, const json_t *args)
{
	char *text = mem_must(1, ANSWER_MAX / 2);

	(void)arg;
	(void)args;
	memset(text, 'x', ANSWER_MAX / 2 - 1);
	control_answer(call, json_pack("{s:s}", "text", text));
	mem_free(text);
}

static const struct control_verb table[] = {
	{ "echo", false, run_echo },
	{ "later", true, run_later },
	{ "large", false, run_large },
	{ NULL, false, NULL },
};

static int
setup(void **state)
{
	struct fixture *f = mem_must(1, sizeof(*f));

	signal(SIGPIPE, SIG_IGN); /* as the server does */
	strcpy(f->dir, "/tmp/test_control.XXXXXX");
	if (mkdtemp(f->dir) == NULL || log_open(LOG_LEVEL_ERROR, "stderr") != 0)
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	f->base = event_base_new();
	if (control_open(
		&f->control, f->base, f->path, f->why, sizeof(f->why)) != 0)
		return -1;
	control_serve(f->control, table, f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char lock[128];

	control_close(f->control);
	event_base_free(f->base);
	snprintf(lock, sizeof(lock), "%s.lock", f->path);
	unlink(lock);
	rmdir(f->dir);
	mem_free(f);
	return 0;
}

static int
dial(const struct fixture *f)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (void *)&un, sizeof(un)), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Turns the loop until the server has closed fd; what it said is in answer. */
static const char *
hear(struct fixture *f, int fd)
{
	size_t len = 0;
	ssize_t n = -1;

	for (int i = 0; i < TURNS_MAX; i++) {
		event_base_loop(f->base, EVLOOP_NONBLOCK);
		while ((n = read(fd, answer + len, ANSWER_MAX - 1 - len)) > 0)
			len += (size_t)n;
		if (n == 0 || errno != EAGAIN)
			break;
	}
	assert_true(n == 0 || errno == ECONNRESET);
	answer[len] = '\0';
	close(fd);
	return answer;
}

static const char *
ask(struct fixture *f, const char *request)
{
	const int fd = dial(f);

	say(fd, request);
	return hear(f, fd);
}

static void
test_a_request_line_gets_an_answer_line(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(ask(f, "{\"verb\":\"echo\",\"args\":{\"a\":1}}\n"),
	    "{\"args\":{\"a\":1}}\n");
	assert_string_equal(
	    ask(f, "{\"verb\":\"echo\"}\n"), "{\"args\":null}\n");
}

static void
test_what_is_no_request_gets_an_error(void **state)
{
	static const char *const rows[] = { "\n", "status\n", "[]\n", "{}\n",
		"{\"verb\":1}\n", "{\"verb\":\"echo\",\"args\":[]}\n",
		"{\"verb\":\"nothing\"}\n", "{\"verb\":\"echo\"\n",
		"{\"verb\":\"ec\\u0000ho\"}\n" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_memory_equal(ask(f, rows[i]), "{\"error\":", 9);
	assert_non_null(strstr(
	    ask(f, "{\"verb\":\"drain\"}\n"), "not served by this version"));
}

static void
test_a_request_without_an_end_is_cut_off(void **state)
{
	struct fixture *f = *state;
	char long_one[CONTROL_REQUEST_MAX + 1];

	memset(long_one, ' ', sizeof(long_one));
	long_one[CONTROL_REQUEST_MAX] = '\0';
	assert_non_null(strstr(ask(f, long_one), "too long"));
}

static void
test_an_answer_may_come_later_and_after_the_caller_said_all(void **state)
{
	struct fixture *f = *state;
	const int fd = dial(f);

	say(fd, "{\"verb\":\"later\"}\n");
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < TURNS_MAX && f->later == NULL; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_non_null(f->later);
	for (int i = 0; i < 10; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	control_answer(f->later, json_pack("{s:b}", "done", 1));
	assert_string_equal(hear(f, fd), "{\"done\":true}\n");
}

static void
test_a_caller_that_left_does_no_harm(void **state)
{
	struct fixture *f = *state;
	const int fd = dial(f);

	say(fd, "{\"verb\":\"later\"}\n");
	for (int i = 0; i < TURNS_MAX && f->later == NULL; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	close(fd);
	control_refuse(f->later, "too late");
	for (int i = 0; i < 10; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_memory_equal(ask(f, "{\"verb\":\"echo\"}\n"), "{\"args\"", 7);
}

static void
test_a_call_that_waits_at_the_end_is_freed(void **state)
{
	struct fixture *f = *state;
	const int fd = dial(f);

	say(fd, "{\"verb\":\"later\"}\n");
	for (int i = 0; i < TURNS_MAX && f->later == NULL; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_non_null(f->later);
	control_close(f->control); /* the sanitizers see a leak */
	f->control = NULL;
	close(fd);
}

static void
test_a_long_answer_arrives_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(strlen(ask(f, "{\"verb\":\"large\"}\n")),
	    strlen("{\"text\":\"\"}\n") + ANSWER_MAX / 2 - 1);
}

static void
test_connections_beyond_the_limit_are_closed(void **state)
{
	struct fixture *f = *state;
	int fd[CONTROL_CONNECTIONS_MAX];

	for (int i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		fd[i] = dial(f);
	assert_string_equal(hear(f, dial(f)), "");
	close(fd[0]);
	for (int i = 0; i < 10; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_string_equal(
	    ask(f, "{\"verb\":\"echo\"}\n"), "{\"args\":null}\n");
	for (int i = 1; i < CONTROL_CONNECTIONS_MAX; i++)
		close(fd[i]);
}

static void
test_a_second_server_is_refused_and_the_first_goes_on(void **state)
{
	struct fixture *f = *state;
	struct control *other = NULL;

	assert_int_equal(
	    control_open(&other, f->base, f->path, f->why, sizeof(f->why)),
	    EADDRINUSE);
	assert_null(other);
	assert_non_null(strstr(f->why, f->path));
	assert_memory_equal(ask(f, "{\"verb\":\"echo\"}\n"), "{\"args\"", 7);
}

static void
test_the_socket_of_a_dead_server_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	control_close(f->control);
	f->control = NULL;
	assert_int_equal(access(f->path, F_OK), -1);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (void *)&un, sizeof(un)), 0);
	close(fd); /* as a killed process leaves it */
	assert_int_equal(
	    control_open(&f->control, f->base, f->path, f->why, sizeof(f->why)),
	    0);
	control_serve(f->control, table, f);
	assert_memory_equal(ask(f, "{\"verb\":\"echo\"}\n"), "{\"args\"", 7);
}

static void
test_what_is_no_socket_is_left_alone(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	control_close(f->control);
	f->control = NULL;
	file = fopen(f->path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(
	    control_open(&f->control, f->base, f->path, f->why, sizeof(f->why)),
	    EEXIST);
	assert_int_equal(access(f->path, F_OK), 0);
	unlink(f->path);
}

static void
test_only_owner_and_group_may_connect(void **state)
{
	const struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

static void
test_opening_survives_any_failing_allocation(void **state)
{
	struct fixture *f = *state;
	long n = 0;
	int rc = ENOMEM;

	control_close(f->control);
	for (; n < 10; n++) {
		f->control = NULL;
		mem_fail_at(n);
		rc = control_open(
		    &f->control, f->base, f->path, f->why, sizeof(f->why));
		mem_fail_at(-1);
		if (rc == 0)
			break;
		assert_int_equal(rc, ENOMEM);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(n, 1);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_request_line_gets_an_answer_line),
		CASE(test_what_is_no_request_gets_an_error),
		CASE(test_a_request_without_an_end_is_cut_off),
		CASE(
		    test_an_answer_may_come_later_and_after_the_caller_said_all),
		CASE(test_a_caller_that_left_does_no_harm),
		CASE(test_a_call_that_waits_at_the_end_is_freed),
		CASE(test_a_long_answer_arrives_whole),
		CASE(test_connections_beyond_the_limit_are_closed),
		CASE(test_a_second_server_is_refused_and_the_first_goes_on),
		CASE(test_the_socket_of_a_dead_server_is_replaced),
		CASE(test_what_is_no_socket_is_left_alone),
		CASE(test_only_owner_and_group_may_connect),
		CASE(test_opening_survives_any_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
