#include "relay/process.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (dir == NULL)
		return 0;
	for (const struct dirent *e; (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.')
			n++;
	closedir(dir);
	return n > 0 ? n - 1 : 0; /* without the one that counts */
}

static void
read_memory(struct process *out)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	unsigned long long size, resident;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return;
	if (fscanf(f, "%llu %llu", &size, &resident) == 2) {
		out->virtual_bytes = size * page;
		out->resident_bytes = resident * page;
	}
	fclose(f);
}

static double
seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

void
process_read(struct process *out)
{
	struct rusage use;
	struct rlimit fds;

	memset(out, 0, sizeof(*out));
	if (getrusage(RUSAGE_SELF, &use) == 0)
		out->cpu_s = seconds(&use.ru_utime) + seconds(&use.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0)
		out->max_fds = fds.rlim_cur;
	read_memory(out);
	out->open_fds = count_fds();
}
