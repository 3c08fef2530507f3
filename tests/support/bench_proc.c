#include "tests/support/bench_proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 320, LINE_BYTES = 1024, NS_PER_S = 1000000000 };

static bool
read_line(char out[LINE_BYTES], const char *path)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (f == NULL)
		return false;
	ok = fgets(out, LINE_BYTES, f) != NULL;
	fclose(f);
	return ok;
}

/* proc(5): fields 14 and 15, counted behind the name, which may hold
 * anything */
static int64_t
from_stat(const char *folder)
{
	char path[PATH_BYTES + 8], line[LINE_BYTES];
	unsigned long user, system;
	const char *at;

	snprintf(path, sizeof(path), "%s/stat", folder);
	if (!read_line(line, path) || (at = strrchr(line, ')')) == NULL)
		return 0;
	if (sscanf(at + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
		&system) != 2)
		return 0;
	return (int64_t)(user + system) * (NS_PER_S / sysconf(_SC_CLK_TCK));
}

static int64_t
of_thread(const char *folder)
{
	char path[PATH_BYTES + 16], line[LINE_BYTES];
	int64_t ns;

	snprintf(path, sizeof(path), "%s/schedstat", folder);
	if (read_line(line, path) && sscanf(line, "%" SCNd64, &ns) == 1)
		return ns;
	return from_stat(folder);
}

/* The second field of schedstat; 0 where the kernel has none. */
static int64_t
wait_of_thread(const char *folder)
{
	char path[PATH_BYTES + 16], line[LINE_BYTES];
	int64_t ns;

	snprintf(path, sizeof(path), "%s/schedstat", folder);
	if (!read_line(line, path) || sscanf(line, "%*d %" SCNd64, &ns) != 1)
		return 0;
	return ns;
}

static int64_t
of_process(int pid, int64_t (*of)(const char *folder))
{
	char path[PATH_BYTES];
	const struct dirent *d;
	int64_t sum = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if ((tasks = opendir(path)) == NULL)
		return 0;
	while ((d = readdir(tasks)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(
		    path, sizeof(path), "/proc/%d/task/%s", pid, d->d_name);
		sum += of(path);
	}
	closedir(tasks);
	return sum;
}

int64_t
bench_proc_cpu_ns(const struct bench_proc *p)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < p->count; i++)
		sum += of_process(p->pids[i], of_thread);
	return sum;
}

int64_t
bench_proc_waited_ns(const struct bench_proc *p)
{
	return of_process(p->pids[0], wait_of_thread);
}

int64_t
bench_proc_own_cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* A line of /proc/PID/status, in bytes. */
static int64_t
of_status(const struct bench_proc *p, const char *key)
{
	char path[PATH_BYTES], line[LINE_BYTES];
	int64_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", p->pids[0]);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			(void)sscanf(line + strlen(key), " %" SCNd64, &kib);
	}
	fclose(f);
	return kib * 1024;
}

int64_t
bench_proc_rss(const struct bench_proc *p)
{
	return of_status(p, "VmRSS:");
}

int64_t
bench_proc_anonymous(const struct bench_proc *p)
{
	return of_status(p, "RssAnon:");
}
