#include "net/looped.h"

#include <dirent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Does the descriptor that file tells of watch fd? */
static bool
has_target(FILE *file, int fd)
{
	char line[256];
	int target;

	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "tfd: %d", &target) == 1 && target == fd)
			return true;
	}
	return false;
}

static bool
is_watcher(const char *name, int fd)
{
	char path[64];
	FILE *file;
	bool is_it;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%.20s", name);
	if ((file = fopen(path, "re")) == NULL)
		return false;
	is_it = has_target(file, fd);
	fclose(file);
	return is_it;
}

/* Who watches fd? */
static int
find_watcher(int fd)
{
	DIR *all = opendir("/proc/self/fdinfo");
	const struct dirent *e;
	int found = -1;

	if (all == NULL)
		return -1;
	while (found < 0 && (e = readdir(all)) != NULL) {
		if (is_watcher(e->d_name, fd))
			found = atoi(e->d_name);
	}
	closedir(all);
	return found;
}

static void
on_nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

int
net_looped_fd(struct event_base *base)
{
	/* one that only this base watches */
	const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct event ev;
	int found = -1;

	if (fd < 0)
		return -1;
	event_assign(&ev, base, fd, EV_READ | EV_PERSIST, on_nothing, NULL);
	if (event_add(&ev, NULL) == 0) {
		found = find_watcher(fd);
		event_del(&ev);
	}
	close(fd);
	return found;
}
