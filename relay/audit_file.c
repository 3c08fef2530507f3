#include "relay/audit_file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/build.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/secret.h"
#include "relay/audit_key.h"
#include "relay/audit_tail.h"

enum {
	FILE_MODE = 0640,
	HEAD_MODE = 0600,
	NAME_MAX_LEN = 4096,
	SEQ_DIGITS = 12,
	BUFFER = 64 * 1024,
	MEMBERS_MAX = 512,
};

struct audit_file {
	struct audit_file_config config;
	int fd;
	int64_t began_ms;   /* the file */
	uint64_t first_seq; /* in the file */
	/* what is on disk, and to which a failed write goes back */
	struct chain good;
	uint64_t size;
	bool is_torn; /* there is more in the file than size */
	/* with what is in the buffer */
	struct chain chain;
	size_t used;
	uint64_t events; /* in the buffer, of others */
	uint64_t told;   /* lost ones that a line in the buffer tells of */
	uint64_t lost;   /* not told yet */
	uint64_t lost_total;
	/* of lines that no signature covers yet */
	uint64_t sealed;
	int64_t unsealed_ms; /* the first one's; 0: there is none */
	int trouble;         /* errno of the last seal */
	uint64_t rotate_at;  /* bytes, 0: never for the size */
	char buffer[BUFFER + CHAIN_LINE_MAX + 2];
};

/* ---- into the buffer */

static void
put_line(struct audit_file *f, int64_t wall_ms, const char *event,
    const char *members)
{
	char time[CHAIN_TIME_MAX];
	size_t len;

	len = chain_append(&f->chain, f->buffer + f->used,
	    chain_time(wall_ms, time), event, members);
	if (len == 0) {
		len = chain_append(&f->chain, f->buffer + f->used, time, event,
		    "\"error\":\"too long\"");
		assert(len > 0);
	}
	f->used += len;
	f->buffer[f->used++] = '\n';
	if (f->unsealed_ms == 0)
		f->unsealed_ms = wall_ms;
}

static void
put_open(struct audit_file *f, int64_t wall_ms)
{
	char key[2 * SIGNATURE_PUBLIC_LEN + 1], prev[2 * CHAIN_HASH_LEN + 1];
	char members[MEMBERS_MAX];

	snprintf(members, sizeof(members),
	    "\"version\":\"%s\",\"key\":\"%s\",\"prev\":\"%s\"", build_version,
	    hex_write(key, f->config.key->public_key, SIGNATURE_PUBLIC_LEN),
	    hex_write(prev, f->chain.hash, CHAIN_HASH_LEN));
	f->first_seq = f->chain.seq + 1;
	f->began_ms = wall_ms;
	put_line(f, wall_ms, "open", members);
}

static void
put(struct audit_file *f, int64_t wall_ms, const char *event,
    const char *members)
{
	if (f->size == 0 && f->used == 0)
		put_open(f, wall_ms);
	put_line(f, wall_ms, event, members);
}

static void
put_checkpoint(struct audit_file *f, int64_t wall_ms)
{
	char text[CHAIN_SEAL_MAX];
	struct chain_seal seal;

	if (f->size == 0 && f->used == 0)
		put_open(f, wall_ms); /* signed, too */
	if (chain_sign(&seal, &f->chain, f->config.key->seed) != 0)
		return;
	chain_seal_write(&seal, text);
	text[strlen(text) - 1] = '\0';
	put(f, wall_ms, "checkpoint", text + 1);
}

static void
put_lost(struct audit_file *f, int64_t wall_ms)
{
	char members[MEMBERS_MAX];

	snprintf(members, sizeof(members), "\"count\":%" PRIu64, f->lost);
	put(f, wall_ms, "lost", members);
	f->told += f->lost;
	f->lost = 0;
}

/* ---- onto the disk */

static int
cut_off(struct audit_file *f)
{
	if (ftruncate(f->fd, (off_t)f->size) < 0)
		return errno;
	f->is_torn = false;
	return 0;
}

static void
take_back(struct audit_file *f)
{
	f->lost += f->told + f->events;
	f->lost_total += f->events;
	f->chain = f->good;
	f->used = 0;
	f->told = f->events = 0;
}

static int
write_buffer(struct audit_file *f)
{
	size_t at = 0;
	ssize_t n;

	while (at < f->used) {
		n = write(f->fd, f->buffer + at, f->used - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		f->is_torn = true;
		at += (size_t)n;
	}
	return 0;
}

/* Whole or not at all. */
static int
write_out(struct audit_file *f)
{
	int rc;

	if (f->used == 0)
		return 0;
	if ((f->is_torn && (rc = cut_off(f)) != 0) ||
	    (rc = write_buffer(f)) != 0) {
		take_back(f);
		if (f->is_torn && cut_off(f) != 0)
			log_debug("audit: a torn line stays for now");
		return rc;
	}
	f->is_torn = false;
	f->size += f->used;
	f->good = f->chain;
	f->used = 0;
	f->told = f->events = 0;
	return 0;
}

static int
write_text(const char *path, const char *text)
{
	const size_t len = strlen(text);
	int fd, rc = 0;

	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    HEAD_MODE);
	if (fd < 0)
		return errno;
	if (write(fd, text, len) != (ssize_t)len)
		rc = ENOSPC;
	close(fd);
	return rc;
}

/* The end of the log, where who changes the log does not look. */
static int
write_head(const struct audit_file *f)
{
	char text[CHAIN_SEAL_MAX], new[NAME_MAX_LEN];
	struct chain_seal seal;
	int rc;

	if ((rc = chain_sign(&seal, &f->good, f->config.key->seed)) != 0)
		return rc;
	snprintf(new, sizeof(new), "%s.new", f->config.head);
	if ((rc = write_text(new, chain_seal_write(&seal, text))) != 0)
		return rc;
	return rename(new, f->config.head) == 0 ? 0 : errno;
}

/* Everything before it is on the disk, not only on its way.  What fails is
 * tried again when the next one is due. */
static int
seal(struct audit_file *f, int64_t wall_ms)
{
	int rc;

	put_checkpoint(f, wall_ms);
	if ((rc = write_out(f)) != 0)
		return rc;
	f->sealed = f->good.seq;
	rc = fdatasync(f->fd) == 0 ? write_head(f) : errno;
	f->unsealed_ms = rc == 0 ? 0 : wall_ms;
	f->trouble = rc;
	return rc;
}

/* ---- files */

/* From now on into a file that holds nothing: the next line opens it. */
static int
open_empty(struct audit_file *f, int64_t wall_ms)
{
	struct stat st;
	int fd;

	fd = open(f->config.path,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0 || st.st_size > 0) {
		close(fd);
		return EEXIST;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->size = 0;
	f->is_torn = false;
	f->began_ms = wall_ms;
	return 0;
}

/* "audit.log.000000001234": is name one of ours? */
static bool
is_rotated(const char *name, const char *base)
{
	const size_t len = strlen(base);

	return strncmp(name, base, len) == 0 && name[len] == '.' &&
	    strspn(name + len + 1, "0123456789") == SEQ_DIGITS &&
	    name[len + 1 + SEQ_DIGITS] == '\0';
}

/* Removes rotated files whose last line is older than the retention. */
static void
forget_old(const struct audit_file *f, int64_t wall_ms)
{
	const char *base = strrchr(f->config.path, '/');
	char dir[NAME_MAX_LEN];
	struct dirent *e;
	struct stat st;
	DIR *d;

	if (f->config.retention_s == 0 || base == NULL)
		return;
	snprintf(dir, sizeof(dir), "%.*s",
	    (int)(base - f->config.path) + (base == f->config.path),
	    f->config.path);
	if ((d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (!is_rotated(e->d_name, base + 1) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) <
			0 ||
		    wall_ms / 1000 - st.st_mtime <
			(int64_t)f->config.retention_s)
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) == 0)
			log_info("audit: file past its retention removed "
				 "path=%s/%s",
			    dir, e->d_name);
	}
	closedir(d);
}

static int
rotate(struct audit_file *f, int64_t wall_ms)
{
	char name[NAME_MAX_LEN];
	int rc;

	if (snprintf(name, sizeof(name), "%s.%0*" PRIu64, f->config.path,
		SEQ_DIGITS, f->first_seq) >= (int)sizeof(name))
		return ENAMETOOLONG;
	if ((rc = seal(f, wall_ms)) != 0)
		return rc;
	if (renameat2(
		AT_FDCWD, f->config.path, AT_FDCWD, name, RENAME_NOREPLACE) < 0)
		return errno;
	if ((rc = open_empty(f, wall_ms)) != 0)
		return rc;
	f->rotate_at = f->config.rotate_bytes;
	forget_old(f, wall_ms);
	return seal(f, wall_ms);
}

/* The log grows on where it is. */
static void
put_off(struct audit_file *f, int64_t wall_ms, int rc)
{
	log_error("audit: log not rotated path=%s reason=%s", f->config.path,
	    code_text(rc));
	f->began_ms = wall_ms;
	if (f->rotate_at > 0)
		f->rotate_at = f->size + f->config.rotate_bytes;
}

static bool
must_rotate(const struct audit_file *f, int64_t wall_ms)
{
	/* not one that holds nothing yet */
	if (f->good.seq <= f->first_seq + 1)
		return false;
	return (f->rotate_at > 0 && f->size >= f->rotate_at) ||
	    wall_ms - f->began_ms >= AUDIT_FILE_AGE_MS;
}

int
audit_file_reopen(struct audit_file *f, const struct audit_file_config *config,
    int64_t wall_ms)
{
	struct stat ours, there;
	int rc;

	f->config = *config;
	f->rotate_at = config->rotate_bytes;
	if (fstat(f->fd, &ours) < 0)
		return errno;
	if (stat(f->config.path, &there) == 0 && there.st_dev == ours.st_dev &&
	    there.st_ino == ours.st_ino)
		return 0;
	if ((rc = seal(f, wall_ms)) != 0 || (rc = open_empty(f, wall_ms)) != 0)
		return rc;
	return seal(f, wall_ms);
}

/* ---- beginning, going on */

static void
put_gap(struct audit_file *f, const struct audit_tail *t, int64_t wall_ms)
{
	char members[MEMBERS_MAX];
	struct chain head;
	const bool has_head =
	    audit_tail_head(&head, f->config.head, f->config.key->public_key);

	if (t->torn > 0) {
		snprintf(members, sizeof(members), "\"torn_bytes\":%" PRIu64,
		    t->torn);
		audit_file_add(f, wall_ms, "gap", members);
	}
	if (has_head && head.seq > f->good.seq) {
		log_error("audit: lines missing from=%" PRIu64 " to=%" PRIu64
			  " path=%s",
		    f->good.seq + 1, head.seq, f->config.path);
		snprintf(members, sizeof(members),
		    "\"missing_from\":%" PRIu64 ",\"missing_to\":%" PRIu64,
		    f->good.seq + 1, head.seq);
		audit_file_add(f, wall_ms, "gap", members);
	}
}

static int
go_on(struct audit_file *f, const struct audit_tail *t, int64_t wall_ms)
{
	int rc;

	f->size = t->size - t->torn;
	f->good = f->chain = t->last;
	f->first_seq = t->first.seq;
	f->began_ms = t->began_ms;
	if (t->torn > 0 && (rc = cut_off(f)) != 0)
		return rc;
	put_gap(f, t, wall_ms);
	return 0;
}

/* What is there cannot be gone on with: it is kept beside. */
static int
set_aside(struct audit_file *f, int64_t wall_ms)
{
	char name[NAME_MAX_LEN], members[MEMBERS_MAX];
	int rc;

	snprintf(name, sizeof(name), "%s.damaged-%lld", f->config.path,
	    (long long)wall_ms);
	log_error("audit: log damaged, set aside path=%s", name);
	if (rename(f->config.path, name) < 0)
		return errno;
	if ((rc = open_empty(f, wall_ms)) != 0)
		return rc;
	snprintf(members, sizeof(members), "\"damaged\":true");
	audit_file_add(f, wall_ms, "gap", members);
	return 0;
}

static int
open_existing(struct audit_file *f, int64_t wall_ms)
{
	struct audit_tail tail;
	int rc;

	f->fd =
	    open(f->config.path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (f->fd < 0)
		return errno;
	if ((rc = audit_tail_read(&tail, f->fd)) == 0)
		return go_on(f, &tail, wall_ms);
	if (rc == ENODATA) { /* the next line opens it */
		f->began_ms = wall_ms;
		return 0;
	}
	return rc == EBADMSG ? set_aside(f, wall_ms) : rc;
}

int
audit_file_open(struct audit_file **out, const struct audit_file_config *config,
    int64_t wall_ms, char *why, size_t why_size)
{
	struct audit_file *f;
	int rc = ENOMEM;

	if ((f = mem_try(1, sizeof(*f))) == NULL)
		goto fail;
	f->config = *config;
	f->rotate_at = config->rotate_bytes;
	f->fd = -1;
	/* where a new file goes on; an old one knows better */
	if (audit_tail_head(&f->chain, config->head, config->key->public_key))
		f->good = f->chain;
	if ((rc = open_existing(f, wall_ms)) == ENOENT)
		rc = open_empty(f, wall_ms);
	if (rc != 0)
		goto fail;
	f->sealed = f->good.seq;
	forget_old(f, wall_ms);
	*out = f;
	return 0;

fail:
	snprintf(why, why_size, "%s: %s", config->path, code_text(rc));
	if (f != NULL && f->fd >= 0)
		close(f->fd);
	mem_free(f);
	return rc;
}

void
audit_file_close(struct audit_file *f, int64_t wall_ms)
{
	if (f == NULL)
		return;
	if (seal(f, wall_ms) != 0)
		log_error(
		    "audit: log not sealed at its end path=%s", f->config.path);
	close(f->fd);
	mem_free(f);
}

/* ---- lines */

void
audit_file_add(struct audit_file *f, int64_t wall_ms, const char *event,
    const char *members)
{
	/* a failure is told by the next flush: lost is set */
	if (f->used > BUFFER - 2 * CHAIN_LINE_MAX && write_out(f) != 0)
		log_debug("audit: lines lost");
	if (f->lost > 0)
		put_lost(f, wall_ms);
	put(f, wall_ms, event, members);
	f->events++;
}

void
audit_file_lose(struct audit_file *f, uint64_t n)
{
	f->lost += n;
	f->lost_total += n;
}

static bool
must_seal(const struct audit_file *f, int64_t wall_ms)
{
	return f->chain.seq - f->sealed >= AUDIT_FILE_CHECKPOINT_LINES ||
	    (f->unsealed_ms != 0 &&
		/* a clock set back must not put it off */
		(wall_ms - f->unsealed_ms >= AUDIT_FILE_CHECKPOINT_MS ||
		    wall_ms < f->unsealed_ms));
}

int
audit_file_flush(struct audit_file *f, int64_t wall_ms)
{
	int rc;

	/* nothing else would show that the disk takes lines again */
	if (f->lost > 0)
		put_lost(f, wall_ms);
	if ((rc = write_out(f)) != 0)
		return rc;
	if (must_rotate(f, wall_ms) && (rc = rotate(f, wall_ms)) != 0)
		put_off(f, wall_ms, rc);
	if (must_seal(f, wall_ms))
		return seal(f, wall_ms);
	return f->trouble;
}

int
audit_file_wait_ms(const struct audit_file *f, int64_t wall_ms)
{
	const int64_t left = AUDIT_FILE_AGE_MS - (wall_ms - f->began_ms);

	if (f->lost > 0 || f->used > 0 || f->unsealed_ms != 0)
		return 1000;
	if (left > 60 * 1000 || left < 0)
		return 60 * 1000;
	return (int)left;
}

void
audit_file_view(const struct audit_file *f, struct audit_file_view *out)
{
	out->seq = f->good.seq;
	out->sealed = f->sealed;
	out->lost = f->lost_total;
}
