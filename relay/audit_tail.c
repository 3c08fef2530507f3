#include "relay/audit_tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"

enum {
	/* the last whole line and a torn one */
	WINDOW = 2 * (CHAIN_LINE_MAX + 1),
};

static const char time_word[] = "\"time\":\"";

/* When the first line was written, or 0. */
static int64_t
read_time(const char *line)
{
	const char *at = strstr(line, time_word);
	struct tm tm = { 0 };

	if (at == NULL ||
	    strptime(at + sizeof(time_word) - 1, "%Y-%m-%dT%H:%M:%S", &tm) ==
		NULL)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static int
read_at(char *out, size_t *len, int fd, uint64_t at)
{
	const ssize_t n = pread(fd, out, WINDOW, (off_t)at);

	if (n < 0)
		return errno;
	*len = (size_t)n;
	out[*len] = '\0';
	return 0;
}

static int
read_first(struct audit_tail *t, int fd, char *window)
{
	const char *end;
	size_t len;
	int rc;

	if ((rc = read_at(window, &len, fd, 0)) != 0)
		return rc;
	end = memchr(window, '\n', len);
	if (end == NULL ||
	    chain_read(&t->first, window, (size_t)(end - window)) != 0)
		return EBADMSG;
	t->began_ms = read_time(window);
	return 0;
}

static int
read_last(struct audit_tail *t, int fd, char *window)
{
	const char *end, *start;
	size_t len;
	int rc;

	rc = read_at(window, &len, fd, t->size > WINDOW ? t->size - WINDOW : 0);
	if (rc != 0)
		return rc;
	if ((end = memrchr(window, '\n', len)) == NULL)
		return EBADMSG;
	t->torn = (uint64_t)(window + len - end - 1);
	start = memrchr(window, '\n', (size_t)(end - window));
	start = start != NULL ? start + 1 : window;
	return chain_read(&t->last, start, (size_t)(end - start)) == 0
	    ? 0
	    : EBADMSG;
}

int
audit_tail_read(struct audit_tail *out, int fd)
{
	struct audit_tail t = { 0 };
	struct stat st;
	char *window;
	int rc;

	if (fstat(fd, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EBADMSG;
	if ((t.size = (uint64_t)st.st_size) == 0)
		return ENODATA;
	if ((window = mem_try(1, WINDOW + 1)) == NULL)
		return ENOMEM;
	if ((rc = read_first(&t, fd, window)) == 0)
		rc = read_last(&t, fd, window);
	mem_free(window);
	if (rc == 0)
		*out = t;
	return rc;
}

bool
audit_tail_head(struct chain *out, const char *path,
    const uint8_t key[SIGNATURE_PUBLIC_LEN])
{
	struct chain_seal s;
	char *text = NULL;
	int rc;

	if ((rc = secret_load(&text, path)) != 0) {
		if (rc != ENOENT)
			log_error("audit: seal not read path=%s reason=%s",
			    path, code_text(rc));
		return false;
	}
	rc = chain_seal_read(&s, text);
	secret_free(text);
	if (rc != 0 || !chain_is_signed(&s, key)) {
		log_error("audit: seal damaged path=%s", path);
		return false;
	}
	*out = s.at;
	return true;
}
