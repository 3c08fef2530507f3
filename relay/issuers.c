#include "relay/issuers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/rwlock.h"
#include "relay/issuers_source.h"
#include "relay/issuers_web.h"
#include "relay/snapshot.h"

/* A list of sources, each of them counted. */
struct sources {
	struct issuers_source **at;
	size_t count;
};

struct issuers {
	pthread_rwlock_t lock; /* issuers: the list and its generation */
	struct sources now;
	unsigned generation;

	/* SHARED: atomic */
	_Atomic bool is_ending;

	/* OWNER: main */
	pthread_t thread;
	bool is_started; /* by issuers_start */
	bool is_running;

	/* OWNER: issuers' thread, but for issuers_web_wake */
	struct issuers_web *web;
	struct sources mine; /* what it looks after */
	unsigned my_generation;
};

/* ---- lists */

static void
put_all(struct sources *list)
{
	for (size_t i = 0; i < list->count; i++)
		issuers_source_put(list->at[i]);
	mem_free(list->at);
	*list = (struct sources){ 0 };
}

static bool
holds(const struct sources *list, const struct issuers_source *e)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->at[i] == e)
			return true;
	}
	return false;
}

/* The one of old that conf describes, to be read again, or a new one. */
static struct issuers_source *
find_or_make(const struct sources *old, const struct snapshot *conf, size_t i)
{
	const struct snapshot_issuer *c = &conf->auth.issuers[i];

	for (size_t k = 0; k < old->count; k++) {
		struct issuers_source *e = old->at[k];

		if (!issuers_source_is(e, c))
			continue;
		if (!e->is_url)
			issuers_source_read(e);
		atomic_store(&e->is_asked, true);
		return issuers_source_get(e);
	}
	return issuers_source_new(c, conf->node.state);
}

/* Returns 0 or ENOMEM. */
static int
build(
    struct sources *out, const struct sources *old, const struct snapshot *conf)
{
	struct sources list = { 0 };

	if ((list.at = mem_try(
		 conf->auth.issuer_count + 1, sizeof(*list.at))) == NULL)
		return ENOMEM;
	while (list.count < conf->auth.issuer_count) {
		struct issuers_source *e = find_or_make(old, conf, list.count);

		if (e == NULL) {
			put_all(&list);
			return ENOMEM;
		}
		list.at[list.count++] = e;
	}
	*out = list;
	return 0;
}

/* ---- looking, in the thread of its own */

static void
look_again_in(struct issuers_source *e, mono_ms now, int64_t s)
{
	e->due = now + s * 1000;
}

static void
on_failed(struct issuers_source *e, mono_ms now)
{
	int64_t s = ISSUERS_RETRY_S;

	for (unsigned i = 0; i < e->failures && s < ISSUERS_RETRY_MAX_S; i++)
		s *= 2;
	e->failures++;
	look_again_in(
	    e, now, s < ISSUERS_RETRY_MAX_S ? s : ISSUERS_RETRY_MAX_S);
}

static void
on_fetched(void *arg, const struct issuers_web_answer *a)
{
	struct issuers_source *e = arg;
	const mono_ms now = mono_now();
	int64_t s = a->max_age_s >= 0 ? a->max_age_s : ISSUERS_AGE_S;

	e->call = NULL;
	if (a->why != NULL)
		issuers_source_fail(e, a->why);
	if (a->why != NULL || issuers_source_take(e, a->text, a->len) != 0) {
		on_failed(e, now);
		return;
	}
	e->failures = 0;
	/* who wanted a key meanwhile may have it now */
	atomic_store(&e->is_wanted, false);
	if (s < ISSUERS_AGE_MIN_S)
		s = ISSUERS_AGE_MIN_S;
	if (s > ISSUERS_AGE_MAX_S)
		s = ISSUERS_AGE_MAX_S;
	look_again_in(e, now, s);
}

static void
look(struct issuers *s, struct issuers_source *e, mono_ms now)
{
	e->looked = now;
	/* before the look: who wants a key from now on wants another one */
	atomic_store(&e->is_asked, false);
	atomic_store(&e->is_wanted, false);
	if (!e->is_url) {
		if (issuers_source_has_changed(e))
			issuers_source_read(e);
		look_again_in(e, now, ISSUERS_CHECK_S);
		return;
	}
	e->call = issuers_web_get(s->web, e->jwks, on_fetched, e);
	if (e->call == NULL) {
		issuers_source_fail(e, "out of memory");
		on_failed(e, now);
	}
}

/* When e is to be looked at next. */
static mono_ms
due_of(const struct issuers_source *e, mono_ms now)
{
	const mono_ms wanted = e->looked + ISSUERS_UNKNOWN_S * 1000;

	if (e->call != NULL)
		return now + MONO_NEVER_MS;
	if (atomic_load(&e->is_asked))
		return now;
	if (atomic_load(&e->is_wanted) && wanted < e->due)
		return wanted;
	return e->due;
}

/* Looks at those that are due.  Returns in how many ms the next one is. */
static int
look_all(struct issuers *s, mono_ms now)
{
	mono_ms next = now + ISSUERS_CHECK_S * 1000;

	for (size_t i = 0; i < s->mine.count; i++) {
		struct issuers_source *e = s->mine.at[i];

		if (due_of(e, now) <= now)
			look(s, e, now);
		if (due_of(e, now) < next)
			next = due_of(e, now);
	}
	return next > now ? (int)(next - now) : 0;
}

static void
drop_mine(struct issuers *s, const struct sources *next)
{
	for (size_t i = 0; i < s->mine.count; i++) {
		struct issuers_source *e = s->mine.at[i];

		if (e->call != NULL && !holds(next, e)) {
			issuers_web_cancel(s->web, e->call);
			e->call = NULL;
		}
	}
	put_all(&s->mine);
}

/* Takes over the list as main has left it, if it has changed.  Without memory
 * the old one is looked after until there is some. */
static void
adopt(struct issuers *s, mono_ms now)
{
	struct sources next = { 0 };
	unsigned generation;

	pthread_rwlock_rdlock(&s->lock);
	generation = s->generation;
	if (generation != s->my_generation)
		next.at = mem_try(s->now.count + 1, sizeof(*next.at));
	for (size_t i = 0; next.at != NULL && i < s->now.count; i++)
		next.at[next.count++] = issuers_source_get(s->now.at[i]);
	pthread_rwlock_unlock(&s->lock);
	if (next.at == NULL)
		return;
	drop_mine(s, &next);
	s->mine = next;
	s->my_generation = generation;
	for (size_t i = 0; i < next.count; i++) {
		struct issuers_source *e = next.at[i];

		if (e->is_known)
			continue;
		e->is_known = true;
		e->looked = now - ISSUERS_UNKNOWN_S * 1000;
		e->due = e->is_url ? now : now + ISSUERS_CHECK_S * 1000;
	}
}

static void *
run(void *arg)
{
	struct issuers *s = arg;

	while (!atomic_load(&s->is_ending)) {
		adopt(s, mono_now());
		issuers_web_wait(s->web, look_all(s, mono_now()));
	}
	drop_mine(s, &(struct sources){ 0 });
	return NULL;
}

/* ---- main thread */

/* Without issuers there is nothing to look after. */
static int
run_if_needed(struct issuers *s)
{
	sigset_t all, before;
	int rc;

	if (!s->is_started || s->is_running || s->now.count == 0)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return rc;
	pthread_setname_np(s->thread, "issuers");
	s->is_running = true;
	return 0;
}

struct issuers *
issuers_new(const struct snapshot *conf)
{
	struct issuers *s;

	if ((s = mem_try(1, sizeof(*s))) == NULL)
		return NULL;
	rwlock_init(&s->lock);
	if (issuers_web_open(&s->web) != 0 ||
	    build(&s->now, &s->now, conf) != 0) {
		issuers_free(s);
		return NULL;
	}
	s->generation = 1;
	return s;
}

int
issuers_start(struct issuers *s)
{
	s->is_started = true;
	return run_if_needed(s);
}

int
issuers_apply(struct issuers *s, const struct snapshot *conf)
{
	struct sources next, old;
	int rc;

	if ((rc = build(&next, &s->now, conf)) != 0)
		return rc;
	pthread_rwlock_wrlock(&s->lock);
	old = s->now;
	s->now = next;
	s->generation++;
	pthread_rwlock_unlock(&s->lock);
	put_all(&old);
	issuers_web_wake(s->web);
	return run_if_needed(s);
}

void
issuers_free(struct issuers *s)
{
	if (s == NULL)
		return;
	atomic_store(&s->is_ending, true);
	if (s->is_running) {
		issuers_web_wake(s->web);
		pthread_join(s->thread, NULL);
	}
	issuers_web_close(s->web);
	put_all(&s->now);
	pthread_rwlock_destroy(&s->lock);
	mem_free(s);
}

/* ---- any thread */

/* The source that signs as issuer, counted; NULL: there is none. */
static struct issuers_source *
find(struct issuers *s, const char *issuer)
{
	struct issuers_source *found = NULL;

	pthread_rwlock_rdlock(&s->lock);
	for (size_t i = 0; i < s->now.count && found == NULL; i++) {
		if (strcmp(s->now.at[i]->issuer, issuer) == 0)
			found = issuers_source_get(s->now.at[i]);
	}
	pthread_rwlock_unlock(&s->lock);
	return found;
}

/* A name goes into log lines and TURN usernames as it is, and no token makes
 * its bearer a guest. */
static bool
is_legal(const char *name)
{
	if (strncmp(name, ISSUERS_GUEST, sizeof(ISSUERS_GUEST) - 1) == 0)
		return false;
	for (; *name != '\0'; name++) {
		if (*name <= ' ' || *name > '~' || *name == '"' ||
		    *name == '\\')
			return false;
	}
	return true;
}

static enum issuers_verdict
verdict_of(enum jws_verdict v, const struct jws_subject *subject)
{
	switch (v) {
	case JWS_GOOD:
		return is_legal(subject->name) ? ISSUERS_GOOD : ISSUERS_BAD;
	case JWS_EXPIRED:
		return ISSUERS_EXPIRED;
	case JWS_NOT_YET:
		return ISSUERS_NOT_YET;
	default:
		return ISSUERS_BAD;
	}
}

static enum issuers_verdict
verify(struct issuers *s, struct issuers_source *e, const struct jws *j,
    int64_t now_s, struct issuers_identity *out)
{
	const struct jws_expected expected = { .issuer = e->issuer,
		.audience = e->audience,
		.name_claim = e->name_claim,
		.now_s = now_s };
	struct jws_subject subject;
	struct jws_key key;
	enum issuers_verdict v;

	if (!issuers_source_key(e, j->kid, j->alg, &key)) {
		if (!atomic_exchange(&e->is_wanted, true))
			issuers_web_wake(s->web);
		return ISSUERS_UNKNOWN_KEY;
	}
	if (!jws_is_signed_by(j, &key))
		return ISSUERS_BAD;
	v = verdict_of(jws_judge(&subject, j, &expected), &subject);
	if (v != ISSUERS_GOOD)
		return v;
	out->subject = subject;
	strcpy(out->kid, j->kid);
	strncpy(out->issuer, e->title, sizeof(out->issuer) - 1);
	out->issuer[sizeof(out->issuer) - 1] = '\0';
	return ISSUERS_GOOD;
}

enum issuers_verdict
issuers_verify(struct issuers *s, const char *token, size_t len, int64_t now_s,
    struct issuers_identity *out)
{
	enum issuers_verdict v = ISSUERS_UNKNOWN_ISSUER;
	struct issuers_source *e;
	struct jws j;

	if (jws_parse(&j, token, len) != 0)
		return ISSUERS_BAD;
	if ((e = find(s, j.issuer)) != NULL)
		v = verify(s, e, &j, now_s, out);
	issuers_source_put(e);
	jws_fini(&j);
	return v;
}

enum stats_auth
issuers_verdict_counter(enum issuers_verdict v)
{
	switch (v) {
	case ISSUERS_EXPIRED:
		return STATS_AUTH_TOKEN_EXPIRED;
	case ISSUERS_UNKNOWN_KEY:
		return STATS_AUTH_TOKEN_KEY;
	default:
		return STATS_AUTH_TOKEN;
	}
}

const char *
issuers_verdict_text(enum issuers_verdict v)
{
	static const char *const texts[] = {
		[ISSUERS_GOOD] = "good",
		[ISSUERS_BAD] = "the token is not valid",
		[ISSUERS_EXPIRED] = "the token has expired",
		[ISSUERS_NOT_YET] = "the token is not valid yet",
		[ISSUERS_UNKNOWN_ISSUER] = "nobody knows the token's issuer",
		[ISSUERS_UNKNOWN_KEY] = "the token's key is not known (yet)",
	};

	return texts[v];
}

json_t *
issuers_json(struct issuers *s, int64_t now_s)
{
	json_t *all = json_array();

	/* nobody but this thread changes the list */
	for (size_t i = 0; i < s->now.count; i++)
		json_array_append_new(
		    all, issuers_source_json(s->now.at[i], now_s));
	return all;
}

void
issuers_metrics(struct issuers *s, FILE *out)
{
	unsigned failing = 0;

	for (size_t i = 0; i < s->now.count; i++)
		failing += issuers_source_fails(s->now.at[i]);
	fprintf(out,
	    "# HELP supernode_issuers_failing Issuers whose keys could not be "
	    "read at the last look.\n"
	    "# TYPE supernode_issuers_failing gauge\n"
	    "supernode_issuers_failing %u\n",
	    failing);
}
