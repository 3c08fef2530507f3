#include "relay/live.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "net/net.h"
#include "relay/audit.h"
#include "relay/reload.h"
#include "relay/server.h"
#include "relay/snapshot.h"
#include "relay/snapshot_key.h"

enum {
	LIVE_CHANGES_MAX = 32, /* more than caps has keys */
	LIVE_OVERLAY_MAX = LIVE_CHANGES_MAX * (2 * LIVE_VALUE_MAX),
};

struct change {
	const struct snapshot_key *key;
	char value[LIVE_VALUE_MAX];
};

/* A set of changes is small and copied: the new one holds only once it is
 * applied. */
struct live {
	/* OWNER: main */
	size_t count;
	struct change change[LIVE_CHANGES_MAX];
};

/* ---- one change */

/* It is put between quotes in the syntax of the file. */
static bool
is_plain(const char *text)
{
	if (strlen(text) >= LIVE_VALUE_MAX)
		return false;
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~' || strchr("\"\\$", *text))
			return false;
	return true;
}

static int
check_order(const struct live_order *o, const struct snapshot_key **key,
    char text[LIVE_TEXT_MAX])
{
	*key = is_plain(o->key) ? snapshot_key_find("caps", o->key) : NULL;
	if (*key == NULL || (*key)->kind->is_unserved || (*key)->kind->is_list)
		snprintf(text, LIVE_TEXT_MAX,
		    "caps.%s: there is no such key; `supernodectl caps` shows "
		    "them",
		    is_plain(o->key) ? o->key : "?");
	else if (!is_plain(o->value))
		snprintf(text, LIVE_TEXT_MAX,
		    "caps.%s: a value has at most %d printable bytes, without "
		    "\" \\ $",
		    o->key, LIVE_VALUE_MAX - 1);
	else
		return 0;
	return EINVAL;
}

static void
put_change(struct live *l, const struct snapshot_key *key, const char *value)
{
	struct change *c = l->change;

	while (c < l->change + l->count && c->key != key)
		c++;
	if (c == l->change + LIVE_CHANGES_MAX)
		abort(); /* LIVE_CHANGES_MAX is too small */
	if (c == l->change + l->count)
		l->count++;
	c->key = key;
	snprintf(c->value, sizeof(c->value), "%s", value);
}

/* ---- loading with changes on top */

static int
load(const struct server *s, const struct live *l, struct snapshot **out,
    char why[SNAPSHOT_ERROR_MAX])
{
	char overlay[LIVE_OVERLAY_MAX];
	int at = snprintf(overlay, sizeof(overlay), "caps {\n");

	for (size_t i = 0; l != NULL && i < l->count; i++)
		at += snprintf(overlay + at, sizeof(overlay) - (size_t)at,
		    "%s = \"%s\"\n", l->change[i].key->name,
		    l->change[i].value);
	snprintf(overlay + at, sizeof(overlay) - (size_t)at, "}\n");
	return snapshot_load_with(out, s->path, overlay, why);
}

static char *
diff(const struct snapshot *old, const struct snapshot *new)
{
	size_t size;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	snapshot_diff(old, new, f);
	fclose(f);
	return text;
}

/* For one line: of a text that has several, the first and that there are
 * more. */
static void
keep_first_line(char *text)
{
	const size_t len = strcspn(text, "\n");

	if (text[len] == '\n')
		strcpy(text + len, text[len + 1] != '\0' ? "..." : "");
}

/* Do the files still say what runs?  Else a change would bring along what
 * nobody asked for now. */
static int
check_files(const struct server *s, char text[LIVE_TEXT_MAX])
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *now;
	char *changed;
	int rc = 0;

	if (load(s, s->live, &now, why) != 0) {
		snprintf(text, LIVE_TEXT_MAX, "the files do not load: %s", why);
		return EINVAL;
	}
	if ((changed = diff(s->conf, now)) == NULL) {
		rc = ENOMEM;
		snprintf(text, LIVE_TEXT_MAX, "out of memory");
	} else if (*changed != '\0') {
		rc = EINVAL;
		snprintf(text, LIVE_TEXT_MAX,
		    "the files were changed since they were loaded, reload "
		    "first: %s",
		    changed);
		keep_first_line(text);
	}
	free(changed);
	snapshot_free(now);
	return rc;
}

/* ---- applying */

static void
report(struct server *s, const struct live_order *o, const char *text)
{
	log_warn("caps: changed key=%s value=\"%s\" uid=%ld pid=%ld", o->key,
	    o->value, o->who.uid, o->who.pid);
	audit_event(s->audit, "caps",
	    json_pack("{s:s,s:s,s:I,s:I,s:s}", "key", o->key, "value", o->value,
		"uid", (json_int_t)o->who.uid, "pid", (json_int_t)o->who.pid,
		"changes", text));
}

static int
fail_change(const struct live_order *o, int rc, const char *text)
{
	log_error("caps: change refused, nothing has changed uid=%ld pid=%ld: "
		  "%s",
	    o->who.uid, o->who.pid, text);
	return rc;
}

/* next is taken over once it runs. */
static int
apply(struct server *s, struct live *next, struct snapshot *conf,
    char text[LIVE_TEXT_MAX])
{
	char why[SNAPSHOT_ERROR_MAX];
	struct live *was;
	char *changed;
	int rc;

	if ((rc = snapshot_may_replace(s->conf, conf, why)) != 0) {
		snprintf(text, LIVE_TEXT_MAX, "%s", why);
		goto fail;
	}
	rc = ENOMEM;
	snprintf(text, LIVE_TEXT_MAX, "out of memory");
	if ((changed = diff(s->conf, conf)) == NULL)
		goto fail;
	was = s->live;
	s->live = next;
	rc = reload_publish(
	    s, "caps", conf, s->tls != NULL ? net_tls_get(s->tls) : NULL);
	if (rc == 0)
		snprintf(text, LIVE_TEXT_MAX, "%s", changed);
	else
		s->live = was;
	free(changed);
	if (rc == 0)
		mem_free(was);
	return rc;

fail:
	snapshot_free(conf);
	return rc;
}

int
live_change(
    struct server *s, const struct live_order *order, char text[LIVE_TEXT_MAX])
{
	char why[SNAPSHOT_ERROR_MAX];
	const struct snapshot_key *key;
	struct snapshot *conf;
	struct live *next;
	int rc;

	if (s->reload != NULL) {
		snprintf(text, LIVE_TEXT_MAX,
		    "a reload or another change is under way: try again");
		return fail_change(order, EBUSY, text);
	}
	if ((rc = check_order(order, &key, text)) != 0 ||
	    (rc = check_files(s, text)) != 0)
		return fail_change(order, rc, text);
	snprintf(text, LIVE_TEXT_MAX, "out of memory");
	if ((next = mem_try(1, sizeof(*next))) == NULL)
		return fail_change(order, ENOMEM, text);
	if (s->live != NULL)
		*next = *s->live;
	put_change(next, key, order->value);
	if ((rc = load(s, next, &conf, why)) != 0)
		snprintf(text, LIVE_TEXT_MAX, "%s", why);
	else
		rc = apply(s, next, conf, text);
	if (rc != 0) {
		mem_free(next);
		return fail_change(order, rc, text);
	}
	report(s, order, text);
	return 0;
}

void
live_answer(struct server *s, struct control_call *call, json_t *answer)
{
	assert(s->reload != NULL && s->live_call == NULL);
	s->live_call = call;
	s->live_said = answer;
}

void
live_applied(struct server *s)
{
	struct control_call *call = s->live_call;
	json_t *answer = s->live_said;

	if (call == NULL)
		return;
	s->live_call = NULL;
	s->live_said = NULL;
	control_answer(call, answer);
}

bool
live_has(const struct server *s, const char *key)
{
	for (size_t i = 0; s->live != NULL && i < s->live->count; i++)
		if (strcmp(s->live->change[i].key->name, key) == 0)
			return true;
	return false;
}

void
live_forget(struct server *s)
{
	if (s->live != NULL && s->live->count > 0)
		log_warn("caps: what was changed while running is forgotten");
	mem_free(s->live);
	s->live = NULL;
}

/* ---- showing */

json_t *
live_json(const struct server *s)
{
	json_t *all = json_object();

	for (size_t i = 0; s->live != NULL && i < s->live->count; i++)
		json_object_set_new(all, s->live->change[i].key->name,
		    json_string(s->live->change[i].value));
	return all;
}

/* As in the file, without quotes. */
static json_t *
value_json(const struct snapshot *conf, const struct snapshot_key *k)
{
	size_t size;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);
	json_t *value;

	if (f == NULL)
		return NULL;
	snapshot_key_print_plain(f, conf, k);
	fclose(f);
	value = json_string(text);
	free(text);
	return value;
}

json_t *
live_limits_json(const struct server *s)
{
	json_t *all = json_object();

	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (strcmp(k->section, "caps") == 0 && !k->kind->is_unserved)
			json_object_set_new(
			    all, k->name, value_json(s->conf, k));
	}
	return all;
}
