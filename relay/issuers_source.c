#include "relay/issuers_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/rwlock.h"
#include "relay/snapshot.h"

enum {
	KEPT_MODE = 0600,
	DIR_MODE = 0750,
	KEPT_HASH_LEN = 8, /* of a URL, in its file's name */
};

/* ---- making */

/* "state/jwks-0123456789abcdef.json"; NULL: no memory. */
static char *
kept_path(const char *state, const char *url)
{
	const size_t size =
	    strlen(state) + sizeof("/jwks-.json") + KEPT_HASH_LEN * 2;
	uint8_t hash[DIGEST_SHA256_LEN];
	char text[KEPT_HASH_LEN * 2 + 1];
	char *path;

	digest_hash(
	    hash, DIGEST_SHA256, &(struct digest_part){ url, strlen(url) }, 1);
	hex_write(text, hash, KEPT_HASH_LEN);
	if ((path = mem_try(1, size)) != NULL)
		snprintf(path, size, "%s/jwks-%s.json", state, text);
	return path;
}

static void
free_source(struct issuers_source *e)
{
	mem_free(e->title);
	mem_free(e->jwks);
	mem_free(e->issuer);
	mem_free(e->audience);
	mem_free(e->name_claim);
	mem_free(e->path);
	keyset_free(e->keys);
	pthread_rwlock_destroy(&e->lock);
	mem_free(e);
}

struct issuers_source *
issuers_source_new(const struct snapshot_issuer *conf, const char *state)
{
	struct issuers_source *e;

	if ((e = mem_try(1, sizeof(*e))) == NULL)
		return NULL;
	rwlock_init(&e->lock);
	atomic_init(&e->users, 1);
	e->is_url = strstr(conf->jwks, "://") != NULL;
	if ((e->title = mem_strdup(conf->title)) == NULL ||
	    (e->jwks = mem_strdup(conf->jwks)) == NULL ||
	    (e->issuer = mem_strdup(conf->issuer)) == NULL ||
	    (e->audience = mem_strdup(conf->audience)) == NULL ||
	    (e->name_claim = mem_strdup(conf->name_claim)) == NULL)
		goto fail;
	e->path =
	    e->is_url ? kept_path(state, conf->jwks) : mem_strdup(conf->jwks);
	if (e->path == NULL)
		goto fail;
	issuers_source_read(e);
	return e;

fail:
	free_source(e);
	return NULL;
}

struct issuers_source *
issuers_source_get(struct issuers_source *e)
{
	atomic_fetch_add(&e->users, 1);
	return e;
}

void
issuers_source_put(struct issuers_source *e)
{
	if (e != NULL && atomic_fetch_sub(&e->users, 1) == 1)
		free_source(e);
}

bool
issuers_source_is(
    const struct issuers_source *e, const struct snapshot_issuer *conf)
{
	return strcmp(e->title, conf->title) == 0 &&
	    strcmp(e->jwks, conf->jwks) == 0 &&
	    strcmp(e->issuer, conf->issuer) == 0 &&
	    strcmp(e->audience, conf->audience) == 0 &&
	    strcmp(e->name_claim, conf->name_claim) == 0;
}

/* ---- keys */

bool
issuers_source_key(struct issuers_source *e, const char *kid, enum jws_alg alg,
    struct jws_key *out)
{
	const struct jws_key *key = NULL;

	pthread_rwlock_rdlock(&e->lock);
	if (e->keys != NULL)
		key = keyset_find(e->keys, kid, alg);
	if (key != NULL)
		*out = *key;
	pthread_rwlock_unlock(&e->lock);
	return key != NULL;
}

void
issuers_source_fail(struct issuers_source *e, const char *why)
{
	log_warn("issuers: keys not read issuer=%s from=%s reason=\"%s\"",
	    e->title, e->jwks, why);
	pthread_rwlock_wrlock(&e->lock);
	snprintf(
	    e->fault, sizeof(e->fault), "%.*s", ISSUERS_FAULT_MAX - 1, why);
	pthread_rwlock_unlock(&e->lock);
}

static void
say(const struct issuers_source *e, const struct keyset_report *r)
{
	log_info("issuers: keys read issuer=%s from=%s keys=%u left_out=%u",
	    e->title, e->jwks, r->used, r->other + r->secret);
	if (r->secret > 0)
		log_warn("issuers: secret keys published issuer=%s from=%s "
			 "keys=%u: whoever reads them can sign tokens",
		    e->title, e->jwks, r->secret);
}

/* *is_new: it is not what was there before. */
static int
publish(struct issuers_source *e, const char *text, size_t len, bool *is_new)
{
	struct keyset *keys = NULL, *old;
	struct keyset_report report;
	uint8_t hash[DIGEST_SHA256_LEN];
	int rc;

	if ((rc = keyset_parse(&keys, text, len, &report)) != 0)
		return rc;
	if (report.used == 0) {
		keyset_free(keys);
		return ENOKEY;
	}
	digest_hash(hash, DIGEST_SHA256, &(struct digest_part){ text, len }, 1);
	pthread_rwlock_wrlock(&e->lock);
	*is_new = memcmp(hash, e->hash, sizeof(hash)) != 0;
	memcpy(e->hash, hash, sizeof(hash));
	old = e->keys;
	e->keys = keys;
	e->key_count = report.used;
	e->fault[0] = '\0';
	pthread_rwlock_unlock(&e->lock);
	keyset_free(old);
	if (*is_new)
		say(e, &report);
	return 0;
}

static const char *
reason_of(int rc)
{
	switch (rc) {
	case EINVAL:
		return "it is no JWKS";
	case EFBIG:
		return "more than 64KiB, or than 64 keys";
	case ENOKEY:
		return "no key for Ed25519 or ES256 in it";
	default:
		return code_text(rc);
	}
}

/* ---- the file */

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool
issuers_source_has_changed(struct issuers_source *e)
{
	struct stat now = { 0 };
	bool changed;

	if (stat(e->path, &now) != 0)
		memset(&now, 0, sizeof(now));
	pthread_rwlock_rdlock(&e->lock);
	changed = !is_same(&now, &e->stamp);
	pthread_rwlock_unlock(&e->lock);
	return changed;
}

/* A URL's keys are of the time when they were kept. */
static void
set_stamp(struct issuers_source *e, const struct stat *stamp, bool is_read)
{
	pthread_rwlock_wrlock(&e->lock);
	e->stamp = *stamp;
	if (is_read)
		e->heard_s = e->is_url ? stamp->st_mtim.tv_sec : mono_wall_s();
	pthread_rwlock_unlock(&e->lock);
}

void
issuers_source_read(struct issuers_source *e)
{
	struct stat stamp = { 0 };
	char *text = NULL;
	bool is_new;
	size_t len;
	int rc;

	/* before it is read: what is written meanwhile is seen next time */
	if (stat(e->path, &stamp) != 0)
		memset(&stamp, 0, sizeof(stamp));
	if ((rc = file_read(&text, &len, e->path, KEYSET_BYTES_MAX)) == 0)
		rc = publish(e, text, len, &is_new);
	mem_free(text);
	set_stamp(e, &stamp, rc == 0);
	/* a URL that was never fetched has no copy */
	if (rc != 0 && !(e->is_url && rc == ENOENT))
		issuers_source_fail(e, reason_of(rc));
}

static void
keep(const struct issuers_source *e, const char *text)
{
	char folder[FILE_PATH_MAX];
	int rc = 0;

	snprintf(folder, sizeof(folder), "%.*s",
	    (int)(strrchr(e->path, '/') - e->path), e->path);
	if (mkdir(folder, DIR_MODE) < 0 && errno != EEXIST)
		rc = errno;
	if (rc == 0)
		rc = file_replace(e->path, text, KEPT_MODE);
	if (rc != 0)
		log_warn("issuers: keys not kept issuer=%s path=%s reason=%s",
		    e->title, e->path, code_text(rc));
}

int
issuers_source_take(struct issuers_source *e, const char *text, size_t len)
{
	bool is_new = false;
	int rc;

	if ((rc = publish(e, text, len, &is_new)) != 0) {
		issuers_source_fail(e, reason_of(rc));
		return rc;
	}
	pthread_rwlock_wrlock(&e->lock);
	e->heard_s = mono_wall_s();
	pthread_rwlock_unlock(&e->lock);
	if (is_new)
		keep(e, text);
	return 0;
}

/* ---- what the operator sees */

bool
issuers_source_fails(struct issuers_source *e)
{
	bool fails;

	pthread_rwlock_rdlock(&e->lock);
	fails = e->fault[0] != '\0';
	pthread_rwlock_unlock(&e->lock);
	return fails;
}

json_t *
issuers_source_json(struct issuers_source *e, int64_t now_s)
{
	json_t *j;

	pthread_rwlock_rdlock(&e->lock);
	j = json_pack("{s:s,s:s,s:s,s:I,s:o,s:s}", "name", e->title, "issuer",
	    e->issuer, "jwks", e->jwks, "keys", (json_int_t)e->key_count,
	    "age_s",
	    e->heard_s != 0 ? json_integer(now_s - e->heard_s) : json_null(),
	    "fault", e->fault);
	pthread_rwlock_unlock(&e->lock);
	return j;
}
