/*
 * process: what the kernel says of this process, for metrics and status.
 */
#ifndef RELAY_PROCESS_H
#define RELAY_PROCESS_H

#include <stdint.h>

struct process {
	double cpu_s;
	uint64_t resident_bytes;
	uint64_t virtual_bytes;
	uint64_t open_fds;
	uint64_t max_fds;
};

/* Reads /proc/self; what cannot be read is 0. */
void process_read(struct process *out);

#endif
