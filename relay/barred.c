#include "relay/barred.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rwlock.h"
#include "common/table.h"

enum {
	FILE_MODE = 0600,
	DIR_MODE = 0750,
	/* names with every byte escaped, \u0001, and a number each */
	FILE_MAX = BARRED_NAMES_MAX * (6 * BARRED_NAME_MAX + 32),
};

struct entry {
	int64_t until_s;
	size_t len;
	char name[]; /* terminated */
};

struct barred {
	/* SHARED: lock barred; written by main only */
	pthread_rwlock_t lock;
	struct table *names; /* of struct entry, owned */

	/* SHARED: atomic */
	_Atomic size_t count;

	/* OWNER: main */
	char path[FILE_PATH_MAX];
};

struct key {
	const char *name;
	size_t len;
};

static bool
is_entry(const void *item, const void *key)
{
	const struct entry *e = item;
	const struct key *k = key;

	return e->len == k->len && memcmp(e->name, k->name, k->len) == 0;
}

static struct entry *
find(const struct barred *b, const char *name, size_t len)
{
	return table_find(
	    b->names, table_hash(name, len), &(struct key){ name, len });
}

static void
drop(struct barred *b, struct entry *e)
{
	table_remove(b->names, table_hash(e->name, e->len), e);
	mem_free(e);
}

static int
add(struct barred *b, const char *name, size_t len, int64_t until_s)
{
	struct entry *e;
	int rc;

	if (table_count(b->names) == BARRED_NAMES_MAX)
		return ENOSPC;
	if ((e = mem_try(1, sizeof(*e) + len + 1)) == NULL)
		return ENOMEM;
	e->until_s = until_s;
	e->len = len;
	memcpy(e->name, name, len);
	if ((rc = table_add(b->names, table_hash(name, len), e)) != 0)
		mem_free(e);
	return rc;
}

/* Forgets those whose time is over. */
static void
purge(struct barred *b, int64_t now_s)
{
	struct entry *over[64], *e;
	size_t count, pos;

	do {
		/* the table must not change while it is walked */
		count = pos = 0;
		while (count < sizeof(over) / sizeof(over[0]) &&
		    (e = table_next(b->names, &pos)) != NULL) {
			if (e->until_s <= now_s)
				over[count++] = e;
		}
		for (size_t i = 0; i < count; i++)
			drop(b, over[i]);
	} while (count == sizeof(over) / sizeof(over[0]));
}

static bool
is_name(const char *name, size_t len)
{
	return len > 0 && len <= BARRED_NAME_MAX &&
	    memchr(name, '\0', len) == NULL;
}

/* ---- the file: {"alice":1700000000} */

static int
take(struct barred *b, const json_t *file, int64_t now_s)
{
	const json_t *until;
	const char *name;
	int rc = 0;

	if (!json_is_object(file))
		return EBADMSG;
	json_object_foreach((json_t *)file, name, until)
	{
		if (!json_is_integer(until) || !is_name(name, strlen(name)))
			rc = EBADMSG;
		else if (json_integer_value(until) > now_s && rc == 0)
			rc = add(
			    b, name, strlen(name), json_integer_value(until));
	}
	return rc;
}

static void
load(struct barred *b, int64_t now_s)
{
	json_t *file = NULL;
	char *text = NULL;
	size_t len;
	int rc;

	if ((rc = file_read(&text, &len, b->path, FILE_MAX)) == ENOENT)
		return;
	if (rc == 0) {
		file = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
		rc = take(b, file, now_s);
	}
	if (rc != 0)
		log_warn("barred: names not read path=%s reason=%s", b->path,
		    code_text(rc));
	json_decref(file);
	mem_free(text);
}

static int
save(struct barred *b)
{
	json_t *file = json_object();
	char *slash = strrchr(b->path, '/');
	struct entry *e;
	char *text = NULL;
	size_t pos = 0;
	int rc = ENOMEM;

	while (file != NULL && (e = table_next(b->names, &pos)) != NULL) {
		if (json_object_set_new(
			file, e->name, json_integer(e->until_s)) != 0)
			goto done;
	}
	if (file == NULL || (text = json_dumps(file, JSON_INDENT(1))) == NULL)
		goto done;
	*slash = '\0';
	rc = mkdir(b->path, DIR_MODE) < 0 && errno != EEXIST ? errno : 0;
	*slash = '/';
	if (rc == 0)
		rc = file_replace(b->path, text, FILE_MODE);
done:
	mem_free(text); /* jansson allocates by malloc, as mem does */
	json_decref(file);
	return rc;
}

/* ---- all in all */

struct barred *
barred_new(const char *dir, int64_t now_s)
{
	struct barred *b;

	if ((b = mem_try(1, sizeof(*b))) == NULL)
		return NULL;
	rwlock_init(&b->lock);
	snprintf(b->path, sizeof(b->path), "%.*s/barred",
	    (int)sizeof(b->path) - 8, dir);
	if ((b->names = table_new(16, is_entry)) == NULL) {
		barred_free(b);
		return NULL;
	}
	load(b, now_s);
	atomic_store(&b->count, table_count(b->names));
	return b;
}

void
barred_free(struct barred *b)
{
	struct entry *e;
	size_t pos = 0;

	if (b == NULL)
		return;
	while (b->names != NULL && (e = table_next(b->names, &pos)) != NULL)
		mem_free(e);
	table_free(b->names);
	pthread_rwlock_destroy(&b->lock);
	mem_free(b);
}

/* Under the lock. */
static int
change(struct barred *b, const char *name, size_t len, int64_t until_s,
    int64_t now_s)
{
	struct entry *e;

	purge(b, now_s);
	e = find(b, name, len);
	if (until_s <= now_s) {
		if (e == NULL)
			return ENOENT;
		drop(b, e);
		return 0;
	}
	if (e == NULL)
		return add(b, name, len, until_s);
	e->until_s = until_s;
	return 0;
}

int
barred_set(struct barred *b, const char *name, size_t len, int64_t until_s,
    int64_t now_s)
{
	int rc;

	if (!is_name(name, len))
		return EINVAL;
	pthread_rwlock_wrlock(&b->lock);
	rc = change(b, name, len, until_s, now_s);
	atomic_store(&b->count, table_count(b->names));
	pthread_rwlock_unlock(&b->lock);
	return rc == 0 ? save(b) : rc;
}

int64_t
barred_until(struct barred *b, const char *name, size_t len, int64_t now_s)
{
	const struct entry *e;
	int64_t until_s = 0;

	if (b == NULL || atomic_load(&b->count) == 0)
		return 0;
	pthread_rwlock_rdlock(&b->lock);
	if ((e = find(b, name, len)) != NULL && e->until_s > now_s)
		until_s = e->until_s;
	pthread_rwlock_unlock(&b->lock);
	return until_s;
}

json_t *
barred_json(struct barred *b, int64_t now_s)
{
	json_t *all = json_array();
	const struct entry *e;
	size_t pos = 0;

	pthread_rwlock_rdlock(&b->lock);
	while ((e = table_next(b->names, &pos)) != NULL) {
		if (e->until_s > now_s)
			json_array_append_new(all,
			    json_pack("{s:s,s:I}", "name", e->name, "until",
				(json_int_t)e->until_s));
	}
	pthread_rwlock_unlock(&b->lock);
	return all;
}

void
barred_metrics(struct barred *b, FILE *out, int64_t now_s)
{
	json_t *all = barred_json(b, now_s);

	fprintf(out,
	    "# HELP supernode_barred_names Names that were kicked for some "
	    "time.\n"
	    "# TYPE supernode_barred_names gauge\n"
	    "supernode_barred_names %zu\n",
	    json_array_size(all));
	json_decref(all);
}
