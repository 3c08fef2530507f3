#include "budget/ledger_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "budget/ledger_own.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	PATH_MAX_LEN = 4096,
	MONTH_NAME_MAX = 32, /* "ledger.2026-11" */
	MODE = 0600,
	DIR_MODE = 0700,
};

static const char file_name[] = "ledger";
static const char charge_name[] = "ledger.charge";
static const char damaged_name[] = "ledger.charge.damaged";

struct budget_ledger_file {
	/* OWNER: main */
	char *dir;
	int fd;           /* of ledger.charge, locked; -1: to be opened again */
	uint64_t seq;     /* of the last record tried */
	uint64_t durable; /* of the last one that is on disk */
};

static const char *
path_of(const struct budget_ledger_file *f, const char *name,
    char path[PATH_MAX_LEN])
{
	snprintf(path, PATH_MAX_LEN, "%s/%s", f->dir, name);
	return path;
}

/* ---- bytes */

static int
write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	while (len > 0) {
		if ((n = write(fd, at, len)) < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Returns 0 and *out, to be freed; ENOENT when there is no such file. */
static int
read_all(const struct budget_ledger_file *f, const char *name, char **out,
    size_t *out_len)
{
	char path[PATH_MAX_LEN], *data = NULL;
	struct stat st;
	FILE *in = fopen(path_of(f, name, path), "rbe");
	int rc = EIO;

	if (in == NULL)
		return errno;
	if (fstat(fileno(in), &st) < 0 || !S_ISREG(st.st_mode))
		goto fail;
	rc = EBADMSG;
	if (st.st_size > BUDGET_LEDGER_FILE_MAX)
		goto fail;
	rc = ENOMEM;
	if ((data = mem_try(1, (size_t)st.st_size + 1)) == NULL)
		goto fail;
	*out_len = fread(data, 1, (size_t)st.st_size, in);
	rc = EIO;
	if (ferror(in))
		goto fail;
	fclose(in);
	*out = data;
	return 0;

fail:
	mem_free(data);
	fclose(in);
	return rc;
}

/* name holds text, or what it held before, whatever happens meanwhile. */
static int
replace(const struct budget_ledger_file *f, const char *name, const char *text)
{
	char path[PATH_MAX_LEN];

	return file_replace(path_of(f, name, path), text, MODE);
}

static int
write_json(const struct budget_ledger_file *f, const char *name, json_t *o)
{
	char *text = o != NULL ? budget_ledger_seal(o) : NULL;
	int rc = ENOMEM;

	if (text != NULL)
		rc = replace(f, name, text);
	mem_free(text);
	return rc;
}

/* ---- ledger.charge */

/* Whoever holds the lock writes. */
static int
open_charge(struct budget_ledger_file *f, int create)
{
	char path[PATH_MAX_LEN];
	int rc;

	f->fd = open(path_of(f, charge_name, path),
	    O_RDWR | O_CLOEXEC | O_NOFOLLOW | create, MODE);
	if (f->fd < 0)
		return errno;
	if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	rc = errno == EWOULDBLOCK ? EBUSY : errno;
	close(f->fd);
	f->fd = -1;
	return rc;
}

/* All its bytes, so that what is written later needs no room. */
static int
clear_charge(struct budget_ledger_file *f)
{
	static const uint8_t zero[BUDGET_CHARGE_FILE];
	int rc;

	if (lseek(f->fd, 0, SEEK_SET) < 0)
		return errno;
	if ((rc = write_all(f->fd, zero, sizeof(zero))) != 0)
		return rc;
	if (fsync(f->fd) < 0)
		return errno;
	return file_sync_folder(f->dir);
}

/* Is the file we hold the one that has the name? */
static bool
is_in_place(const struct budget_ledger_file *f)
{
	char path[PATH_MAX_LEN];
	struct stat a, b;

	return f->fd >= 0 && fstat(f->fd, &a) == 0 &&
	    stat(path_of(f, charge_name, path), &b) == 0 &&
	    a.st_ino == b.st_ino && a.st_dev == b.st_dev &&
	    b.st_size == BUDGET_CHARGE_FILE;
}

/* Opens it anew where it was taken away: what it said is known here. */
static int
hold_charge(struct budget_ledger_file *f)
{
	int rc;

	if (is_in_place(f))
		return 0;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if ((rc = open_charge(f, O_CREAT)) != 0)
		return rc;
	return clear_charge(f);
}

static int
write_charge(struct budget_ledger_file *f, const struct budget_charge *c)
{
	uint8_t record[BUDGET_CHARGE_LEN];
	const off_t at =
	    (off_t)(c->seq % BUDGET_CHARGE_SLOTS) * BUDGET_CHARGE_LEN;
	ssize_t n;

	budget_charge_write(record, c);
	do
		n = pwrite(f->fd, record, sizeof(record), at);
	while (n < 0 && errno == EINTR);
	if (n != sizeof(record))
		return n < 0 ? errno : EIO;
	return fdatasync(f->fd) == 0 ? 0 : errno;
}

static int
charge(struct budget_ledger_file *f, struct budget_ledger *l, uint64_t ahead,
    bool is_clean)
{
	/* a record that may not have reached the disk is not written over */
	struct budget_charge c = { .seq = ++f->seq, .is_clean = is_clean };
	int rc;

	for (int k = 0; k < BUDGET_PERIODS; k++) {
		const struct budget_count *now = &l->host->now[k];

		c.id[k] = l->id[k];
		c.at[k].in = now->in;
		c.at[k].out = now->out;
		c.at[k].counted = now->counted;
		c.at[k].charged = budget_count_used(now) + ahead;
	}
	if ((rc = hold_charge(f)) != 0 || (rc = write_charge(f, &c)) != 0)
		return rc;
	f->durable = c.seq;
	return 0;
}

int
budget_ledger_file_charge(
    struct budget_ledger_file *f, struct budget_ledger *l, uint64_t ahead)
{
	return charge(f, l, ahead, false);
}

/* ---- all of it */

int
budget_ledger_file_save(
    struct budget_ledger_file *f, const struct budget_ledger *l)
{
	json_t *o = json_pack("{s:I,s:o}", "seq", (json_int_t)f->durable,
	    "ledger", budget_ledger_save(l));
	const int rc = write_json(f, file_name, o);

	json_decref(o);
	return rc;
}

int
budget_ledger_file_end(struct budget_ledger_file *f, struct budget_ledger *l)
{
	const int rc = budget_ledger_file_save(f, l);

	return rc != 0 ? rc : charge(f, l, 0, true);
}

/* ---- opening */

/* The host's counts as they were last charged. */
static void
take_charge(struct budget_ledger *l, const struct budget_charge *c)
{
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		struct budget_count *to = &l->host->now[k];
		uint64_t used;

		if (c->id[k] > l->id[k]) /* all of it was not written since */
			budget_ledger_set(
			    l, (enum budget_period_kind)k, c->id[k], false);
		else if (c->id[k] < l->id[k]) /* and here it was */
			to = &l->host->before[k];
		used = budget_count_used(to);
		if (c->at[k].in > to->in)
			to->in = c->at[k].in;
		if (c->at[k].out > to->out)
			to->out = c->at[k].out;
		if (c->at[k].counted > to->counted)
			to->counted = c->at[k].counted;
		if (c->at[k].charged > used)
			used = c->at[k].charged;
		if (to->counted > used) /* nothing was charged ahead */
			used = to->counted;
		to->carried = used - to->counted;
	}
}

/* What may have moved unseen by the others since all of it was written. */
static void
take_reserve(struct budget_entry *a)
{
	for (int k = 0; k < BUDGET_PERIODS; k++)
		a->now[k].carried += a->reserve;
	a->reserve = 0;
}

static void
take_reserves(struct budget_ledger *l)
{
	struct budget_entry *a = NULL;

	take_reserve(l->others);
	while ((a = budget_ledger_next_network(l, a)) != NULL)
		take_reserve(a);
	while ((a = budget_ledger_next_user(l, a)) != NULL)
		take_reserve(a);
}

static void
recover(struct budget_ledger_found *found, const struct budget_charges *c)
{
	struct budget_ledger *l = found->ledger;
	const uint64_t strict = (uint64_t)c->bad * BUDGET_LEDGER_RESERVE;
	const uint64_t before = l->host->now[BUDGET_MONTH].carried;

	take_charge(l, &c->last);
	found->bad = c->bad;
	found->is_unclean = !c->last.is_clean;
	for (int k = 0; k < BUDGET_PERIODS; k++)
		l->host->now[k].carried += strict;
	if (found->is_unclean || c->bad > 0)
		take_reserves(l);
	found->carried = l->host->now[BUDGET_MONTH].carried - before;
}

/* Reads `ledger`; ENOENT when there is none. */
static int
read_ledger(
    struct budget_ledger_file *f, struct budget_ledger **out, uint64_t *seq)
{
	char *text;
	json_t *o;
	size_t len;
	int rc;

	if ((rc = read_all(f, file_name, &text, &len)) != 0)
		return rc;
	o = budget_ledger_unseal(text, len);
	mem_free(text);
	if (o == NULL)
		return EBADMSG;
	*seq = (uint64_t)json_integer_value(json_object_get(o, "seq"));
	rc = budget_ledger_load(out, json_object_get(o, "ledger"));
	json_decref(o);
	return rc == EINVAL ? EBADMSG : rc;
}

static int
read_charges(struct budget_ledger_file *f, struct budget_charges *out)
{
	uint8_t data[BUDGET_CHARGE_FILE];
	ssize_t n;

	do
		n = pread(f->fd, data, sizeof(data), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	budget_charges_read(out, data, (size_t)n);
	return 0;
}

/* Do the two halves belong together?  Returns NULL, or what is wrong. */
static const char *
misfit(bool has_ledger, uint64_t seq, bool has_charge,
    const struct budget_charges *c)
{
	if (!has_ledger)
		return c->last.seq == 0 && c->bad == 0
		    ? NULL
		    : "ledger.charge is there, but not ledger";
	/* written before the first record was */
	if (seq == 0 && c->last.seq == 0 && c->bad == 0)
		return NULL;
	if (!has_charge)
		return "ledger is there, but not ledger.charge";
	if (c->last.seq == 0)
		return "no record of ledger.charge adds up";
	return c->last.seq < seq ? "ledger.charge is older than ledger" : NULL;
}

static int
refuse(const struct budget_ledger_file *f, int rc, const char *what, char *why)
{
	const char *advice = "";

	if (rc == EBUSY)
		what = "another supernoded uses this ledger";
	else if (rc != EBADMSG)
		what = code_text(rc);
	else
		advice = ": restore both files, or move them away: then the "
			 "quota begins anew";
	snprintf(why, BUDGET_LEDGER_WHY_MAX, "%s/%s: %s%s", f->dir, file_name,
	    what, advice);
	return rc;
}

/* Puts the records that do not add up aside, behind a ledger that says all
 * that they said. */
static int
put_aside(struct budget_ledger_file *f, const struct budget_ledger *l)
{
	char from[PATH_MAX_LEN], to[PATH_MAX_LEN];
	int rc;

	f->durable = 0;
	if ((rc = budget_ledger_file_save(f, l)) != 0)
		return rc;
	if (rename(path_of(f, charge_name, from),
		path_of(f, damaged_name, to)) < 0)
		return errno;
	return 0;
}

static int
open_both(
    struct budget_ledger_file *f, struct budget_ledger_found *found, char *why)
{
	struct budget_charges charges = { .bad = 0 };
	uint64_t seq = 0;
	const char *what;
	int has_charge, rc;

	has_charge = open_charge(f, 0);
	if (has_charge != 0 && has_charge != ENOENT)
		return refuse(f, has_charge, "", why);
	if (has_charge == 0 && (rc = read_charges(f, &charges)) != 0)
		return refuse(f, rc, "", why);
	rc = read_ledger(f, &found->ledger, &seq);
	if (rc != 0 && rc != ENOENT)
		return refuse(f, rc, "its checksum is wrong", why);
	what = misfit(rc == 0, seq, has_charge == 0, &charges);
	if (what != NULL)
		return refuse(f, EBADMSG, what, why);
	f->seq = f->durable = charges.last.seq;
	if (found->ledger != NULL && charges.last.seq != 0)
		recover(found, &charges);
	if (charges.bad > 0 && (rc = put_aside(f, found->ledger)) != 0)
		return refuse(f, rc, "", why);
	/* makes it, or a new one */
	if ((rc = hold_charge(f)) != 0)
		return refuse(f, rc, "", why);
	return 0;
}

int
budget_ledger_file_open(struct budget_ledger_file **out,
    struct budget_ledger_found *found, const char *dir,
    char why[BUDGET_LEDGER_WHY_MAX])
{
	struct budget_ledger_file *f;
	int rc = ENOMEM;

	*found = (struct budget_ledger_found){ .ledger = NULL };
	snprintf(why, BUDGET_LEDGER_WHY_MAX, "out of memory");
	if ((f = mem_try(1, sizeof(*f))) == NULL)
		return ENOMEM;
	f->fd = -1;
	if ((f->dir = mem_strdup(dir)) == NULL)
		goto fail;
	if (mkdir(dir, DIR_MODE) < 0 && errno != EEXIST) {
		rc = refuse(f, errno, "", why);
		goto fail;
	}
	if ((rc = open_both(f, found, why)) != 0)
		goto fail;
	*out = f;
	return 0;

fail:
	budget_ledger_free(found->ledger);
	found->ledger = NULL;
	budget_ledger_file_close(f);
	return rc;
}

void
budget_ledger_file_close(struct budget_ledger_file *f)
{
	if (f == NULL)
		return;
	if (f->fd >= 0)
		close(f->fd);
	mem_free(f->dir);
	mem_free(f);
}

/* ---- months that are over */

static const char *
month_name(int32_t month, char name[MONTH_NAME_MAX])
{
	char text[BUDGET_PERIOD_NAME_MAX];

	snprintf(name, MONTH_NAME_MAX, "%s.%s", file_name,
	    budget_period_name(BUDGET_MONTH, month, text));
	return name;
}

static int
is_month(const struct dirent *e)
{
	const size_t len = strlen(file_name);
	int32_t id;

	return strncmp(e->d_name, file_name, len) == 0 &&
	    e->d_name[len] == '.' &&
	    budget_period_month(&id, e->d_name + len + 1);
}

/* The oldest go; what cannot be removed stays. */
static void
prune(const struct budget_ledger_file *f)
{
	char path[PATH_MAX_LEN];
	struct dirent **all = NULL;
	const int n = scandir(f->dir, &all, is_month, alphasort);

	for (int i = 0; i < n; i++) {
		if (i < n - BUDGET_LEDGER_MONTHS &&
		    unlink(path_of(f, all[i]->d_name, path)) < 0)
			log_warn("ledger: old month stays path=%s reason=%s",
			    path, code_text(errno));
		free(all[i]);
	}
	free(all);
}

int
budget_ledger_file_keep(
    struct budget_ledger_file *f, int32_t month, const json_t *report)
{
	char name[MONTH_NAME_MAX];
	const int rc = write_json(f, month_name(month, name), (json_t *)report);

	if (rc == 0)
		prune(f);
	return rc;
}

int
budget_ledger_file_kept(
    struct budget_ledger_file *f, int32_t month, json_t **report)
{
	char name[MONTH_NAME_MAX], *text;
	size_t len;
	int rc;

	if ((rc = read_all(f, month_name(month, name), &text, &len)) != 0)
		return rc;
	*report = budget_ledger_unseal(text, len);
	mem_free(text);
	return *report != NULL ? 0 : EBADMSG;
}
