#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/daemon.h"

/* A bound datagram socket; name as in NOTIFY_SOCKET. */
static int
open_manager(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(sun.sun_path, name, strlen(name));
	if (*name == '@')
		sun.sun_path[0] = '\0';
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
		    strlen(name))),
	    0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
assert_received(int fd, const char *expected)
{
	char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void
test_notify_reaches_a_socket_in_the_file_system(void **state)
{
	char folder[] = "/tmp/test_daemon.XXXXXX";
	char name[sizeof(folder) + 8];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/notify", folder);
	fd = open_manager(name);
	daemon_notify("READY=1");
	daemon_notify("STATUS=%d allocations", 7);
	assert_received(fd, "READY=1");
	assert_received(fd, "STATUS=7 allocations");
	close(fd);
	/* the manager is gone: nothing happens */
	daemon_notify("WATCHDOG=1");
	unlink(name);
	rmdir(folder);
}

static void
test_notify_reaches_an_abstract_socket(void **state)
{
	char name[64];
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@test_daemon/%ld", (long)getpid());
	fd = open_manager(name);
	daemon_notify("WATCHDOG=1");
	assert_received(fd, "WATCHDOG=1");
	close(fd);
}

static void
test_notify_without_a_usable_name_does_nothing(void **state)
{
	static char longname[300] = "/";
	int before, after;

	(void)state;
	before = dup(0);
	close(before);
	memset(longname + 1, 'x', sizeof(longname) - 2);
	unsetenv("NOTIFY_SOCKET");
	daemon_notify("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	daemon_notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	daemon_notify("READY=1");
	setenv("NOTIFY_SOCKET", longname, 1);
	daemon_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
	after = dup(0);
	close(after);
	assert_int_equal(before, after); /* nor leaves a socket open */
}

static uint64_t
watchdog(const char *usec, const char *pid)
{
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (usec != NULL)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	return daemon_watchdog_ms();
}

static void
test_watchdog_is_half_its_time_when_meant_for_us(void **state)
{
	char us[32], other[32];

	(void)state;
	snprintf(us, sizeof(us), "%ld", (long)getpid());
	snprintf(other, sizeof(other), "%ld", (long)getpid() + 1);
	assert_int_equal(watchdog("30000000", us), 15000);
	assert_int_equal(watchdog("30000000", NULL), 15000);
	assert_int_equal(watchdog("30000000", other), 0);
	assert_int_equal(watchdog("30000000", ""), 0);
	assert_int_equal(watchdog(NULL, us), 0);
	assert_int_equal(watchdog("0", us), 0);
	assert_int_equal(watchdog("-1", us), 0);
	assert_int_equal(watchdog("30000000x", us), 0);
	assert_int_equal(watchdog("99999999999999999999", us), 0);
	assert_int_equal(watchdog("500", us), 1);
}

/* What daemon_listen_fds says in a process that has count descriptors from
 * 3 on; 100 more when the variables or the flags are not as they should. */
static int
listen_fds(long pid_off, const char *n, int count)
{
	char pid[32];
	int status, got;
	pid_t child = fork();

	if (child != 0) {
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		return WEXITSTATUS(status);
	}
	snprintf(pid, sizeof(pid), "%ld", (long)getpid() + pid_off);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", n, 1);
	setenv("LISTEN_FDNAMES", "a:b", 1);
	for (int fd = 3; fd < 10; fd++)
		close(fd);
	for (int fd = 3; fd < 3 + count; fd++)
		dup2(0, fd);
	got = daemon_listen_fds();
	for (int fd = 3; fd < 3 + got; fd++) {
		if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
			got += 100;
	}
	if (getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL ||
	    getenv("LISTEN_FDNAMES") != NULL)
		got += 100;
	_exit(got);
}

static void
test_inherited_sockets_are_counted_and_marked(void **state)
{
	(void)state;
	assert_int_equal(listen_fds(0, "2", 2), 2);
	assert_int_equal(listen_fds(0, "1", 2), 1);
	assert_int_equal(listen_fds(0, "0", 2), 0);
	assert_int_equal(listen_fds(1, "2", 2), 0);
	assert_int_equal(listen_fds(0, "x", 2), 0);
	assert_int_equal(listen_fds(0, "-1", 2), 0);
	assert_int_equal(listen_fds(0, "4294967298", 2), 0);
	assert_int_equal(listen_fds(0, "5", 2), 2); /* two are open */
	assert_int_equal(daemon_listen_fds(), 0);
}

static void
test_nofile_is_raised_to_its_hard_limit(void **state)
{
	struct rlimit before, low, now;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = before;
	low.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_true(daemon_raise_nofile() == before.rlim_max);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_true(now.rlim_cur == before.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_notify_reaches_a_socket_in_the_file_system),
		cmocka_unit_test(test_notify_reaches_an_abstract_socket),
		cmocka_unit_test(
		    test_notify_without_a_usable_name_does_nothing),
		cmocka_unit_test(
		    test_watchdog_is_half_its_time_when_meant_for_us),
		cmocka_unit_test(test_inherited_sockets_are_counted_and_marked),
		cmocka_unit_test(test_nofile_is_raised_to_its_hard_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
