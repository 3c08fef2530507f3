/*
 * daemon: what systemd wants of a service (sd_notify(3), LISTEN_FDS), as a
 * datagram and three environment variables; no library.
 */
#ifndef COMMON_DAEMON_H
#define COMMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

/* Sends "READY=1", "STATUS=...", "WATCHDOG=1"...  Does nothing without
 * NOTIFY_SOCKET.  printf style. */
void daemon_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Half of WATCHDOG_USEC in ms, when it is meant for this process; else 0. */
uint64_t daemon_watchdog_ms(void);

/* Number of inherited sockets (from fd 3 on), 0 if none; marks them
 * close-on-exec and forgets the variables. */
int daemon_listen_fds(void);

/* Raises RLIMIT_NOFILE to its hard limit; returns what holds now. */
uint64_t daemon_raise_nofile(void);

#endif
