#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/mono.h"

enum {
	LOG_TEXT_MAX = 1024,                /* a line as formatted */
	LOG_STAMP_MAX = 64,                 /* what stands before it */
	LOG_ESCAPED_MAX = 4 * LOG_TEXT_MAX, /* each byte as \xNN */
};

enum sink { SINK_STDERR, SINK_JOURNAL, SINK_SYSLOG, SINK_FILE };

static const struct {
	const char *name;
	int priority; /* syslog's and journald's */
} levels[] = {
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_WARN] = { "warn", LOG_WARNING },
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
};

/* SHARED: atomic.  The file's descriptor keeps its number for good: a
 * re-open replaces what stands behind it, under the writers' feet. */
static _Atomic int log_level = LOG_LEVEL_INFO;
static _Atomic int log_sink = SINK_STDERR;
static _Atomic int log_fd = -1;

int
log_level_parse(enum log_level *out, const char *name)
{
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	}
	return EINVAL;
}

bool
log_is_on(enum log_level level)
{
	return (int)level >=
	    atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* ---- opening */

/* Does JOURNAL_STREAM ("dev:inode") name our stderr? */
static bool
is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long dev, inode;
	struct stat st;

	return text != NULL && sscanf(text, "%llu:%llu", &dev, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	    st.st_ino == inode;
}

static int
open_file(const char *path)
{
	const int old = atomic_load(&log_fd);
	int fd, rc = 0;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return errno;
	if (old < 0) {
		atomic_store(&log_fd, fd);
		return 0;
	}
	if (dup3(fd, old, O_CLOEXEC) < 0)
		rc = errno;
	close(fd);
	return rc;
}

int
log_open(enum log_level level, const char *target)
{
	enum sink sink = SINK_FILE;
	int rc;

	if (strcmp(target, "stderr") == 0)
		sink = is_journal() ? SINK_JOURNAL : SINK_STDERR;
	else if (strcmp(target, "syslog") == 0)
		sink = SINK_SYSLOG;
	else if ((rc = open_file(target)) != 0)
		return rc;
	if (sink == SINK_SYSLOG)
		openlog(NULL, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	atomic_store(&log_level, (int)level);
	atomic_store(&log_sink, (int)sink);
	return 0;
}

/* ---- the limit */

/* May one more line pass?  Counts those that may not.  At the turn of a
 * second threads may let a line too many pass; that is harmless. */
static bool
may_pass(struct log_limit *l, long long second)
{
	long long window = atomic_load(&l->window);

	if (window != second &&
	    atomic_compare_exchange_strong(&l->window, &window, second))
		atomic_store(&l->count, 0);
	if (atomic_fetch_add(&l->count, 1) < LOG_LIMIT_BURST)
		return true;
	atomic_fetch_add(&l->missed, 1);
	return false;
}

/* ---- writing */

/* What stands before the text: time and level, or journald's priority. */
static size_t
put_stamp(char out[LOG_STAMP_MAX], enum log_level level, enum sink sink)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	if (sink == SINK_SYSLOG)
		return 0;
	if (sink == SINK_JOURNAL)
		return (size_t)snprintf(
		    out, LOG_STAMP_MAX, "<%d>", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(out, LOG_STAMP_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(out + n, LOG_STAMP_MAX - n, ".%03uZ %-5s ",
	    (unsigned)(now.tv_nsec / 1000000), levels[level].name);
	return n;
}

/* Copies text; a control character, which would break the line or drive a
 * terminal, comes out as \xNN. */
static size_t
put_escaped(char *out, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	char *at = out;

	for (; *text != '\0'; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != 0x7f) {
			*at++ = *text;
			continue;
		}
		*at++ = '\\';
		*at++ = 'x';
		*at++ = hex[c >> 4];
		*at++ = hex[c & 15];
	}
	return (size_t)(at - out);
}

/* A line is one write; what cannot be written is lost. */
static void
emit(enum log_level level, enum sink sink, const char *text)
{
	char line[LOG_STAMP_MAX + LOG_ESCAPED_MAX + 1];
	size_t len = put_stamp(line, level, sink);
	ssize_t n;
	int fd = STDERR_FILENO;

	len += put_escaped(line + len, text);
	if (sink == SINK_SYSLOG) {
		syslog(levels[level].priority, "%.*s", (int)len, line);
		return;
	}
	line[len++] = '\n';
	if (sink == SINK_FILE)
		fd = atomic_load(&log_fd);
	do
		n = write(fd, line, len);
	while (n < 0 && errno == EINTR);
}

/* Puts tail at the end of text, over its last bytes when it is full. */
static void
append(char text[LOG_TEXT_MAX], size_t len, const char *tail)
{
	const size_t last = LOG_TEXT_MAX - 1 - strlen(tail);

	strcpy(text + (len < last ? len : last), tail);
}

void
log_write(enum log_level level, struct log_limit *limit, const char *fmt, ...)
{
	const int saved = errno;
	char text[LOG_TEXT_MAX] = "", tail[32];
	unsigned missed = 0;
	va_list ap;

	if (!log_is_on(level))
		return;
	if (limit != NULL) {
		if (!may_pass(limit, mono_now() / 1000))
			return;
		missed = atomic_exchange(&limit->missed, 0);
	}

	errno = saved; /* for %m */
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= LOG_TEXT_MAX)
		append(text, LOG_TEXT_MAX, "...");
	va_end(ap);
	if (missed > 0) {
		snprintf(tail, sizeof(tail), " left_out=%u", missed);
		append(text, strlen(text), tail);
	}

	emit(level, (enum sink)atomic_load(&log_sink), text);
	errno = saved;
}
