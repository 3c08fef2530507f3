/*
 * log: one line per fact: "area: past-tense fact key=value".
 *
 * Thread safe: a line is one write(2).  To stderr with journald's <n>
 * priority prefix when JOURNAL_STREAM says that stderr is the journal, else
 * with a time stamp; to syslog; or to a file.  Lines that remote input can
 * cause go through a limit.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

#include "common/code.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};

/* SHARED: atomic.  At most LOG_LIMIT_BURST lines a second per limit; the
 * next line that passes says how many were left out. */
enum { LOG_LIMIT_BURST = 10 };
struct log_limit {
	_Atomic long long window; /* second that is being counted */
	_Atomic unsigned count;
	_Atomic unsigned missed;
};

/* Names: debug info warn error.  Returns 0 or EINVAL. */
MUST_CHECK int log_level_parse(enum log_level *out, const char *name);

/* target: "stderr", "syslog" or a file's path.  Call before threads start;
 * again (SIGHUP) re-opens the file.  Returns 0 or an errno. */
MUST_CHECK int log_open(enum log_level level, const char *target);

void log_write(enum log_level level, struct log_limit *limit, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));
bool log_is_on(enum log_level level);

#define log_debug(...)                                                 \
	do {                                                           \
		if (log_is_on(LOG_LEVEL_DEBUG))                        \
			log_write(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__); \
	} while (0)
#define log_info(...)  log_write(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)

/* For lines that a remote side can cause: one static limit per place. */
#define log_limited(level, ...)                                      \
	do {                                                         \
		static struct log_limit limit_here_;                 \
		if (log_is_on(level))                                \
			log_write(level, &limit_here_, __VA_ARGS__); \
	} while (0)

#endif
