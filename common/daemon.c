#include "common/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	DAEMON_TEXT_MAX = 1024,
	DAEMON_FIRST_FD = 3, /* SD_LISTEN_FDS_START */
};

/* A path, or "@name" for the abstract namespace.  Returns the address's
 * length, 0 when the name does not fit. */
static socklen_t
make_address(struct sockaddr_un *sun, const char *name)
{
	const size_t len = strlen(name);

	if (len < 2 || len >= sizeof(sun->sun_path) ||
	    (*name != '/' && *name != '@'))
		return 0;
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, name, len);
	if (*name == '@')
		sun->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void
daemon_notify(const char *fmt, ...)
{
	const char *name = getenv("NOTIFY_SOCKET");
	char text[DAEMON_TEXT_MAX] = "";
	struct sockaddr_un sun;
	socklen_t len;
	va_list ap;
	int fd;

	if (name == NULL || (len = make_address(&sun, name)) == 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	/* nobody to tell when it fails: the service manager is what is gone */
	(void)!sendto(
	    fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sun, len);
	close(fd);
}

/* Reads a decimal variable; false when it is missing or no number. */
static bool
read_variable(uint64_t *out, const char *name)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool
is_our_pid(uint64_t pid)
{
	return pid == (uint64_t)getpid();
}

uint64_t
daemon_watchdog_ms(void)
{
	uint64_t us, pid;

	if (!read_variable(&us, "WATCHDOG_USEC") || us == 0)
		return 0;
	if (getenv("WATCHDOG_PID") != NULL &&
	    !(read_variable(&pid, "WATCHDOG_PID") && is_our_pid(pid)))
		return 0;
	return us < 2000 ? 1 : us / 2000;
}

/* Marks n descriptors close-on-exec; stops at the first that is not open. */
static int
mark_fds(int n)
{
	for (int i = 0; i < n; i++) {
		const int fd = DAEMON_FIRST_FD + i;
		const int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
			return i;
	}
	return n;
}

int
daemon_listen_fds(void)
{
	uint64_t pid, n;
	int found = 0;

	if (read_variable(&pid, "LISTEN_PID") && is_our_pid(pid) &&
	    read_variable(&n, "LISTEN_FDS") && n <= INT_MAX - DAEMON_FIRST_FD)
		found = mark_fds((int)n);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return found;
}

uint64_t
daemon_raise_nofile(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return 0;
	if (lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &lim) != 0 &&
		    getrlimit(RLIMIT_NOFILE, &lim) != 0)
			return 0;
	}
	return lim.rlim_cur;
}
