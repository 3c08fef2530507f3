#include "relay/site_store.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/mem.h"
#include "common/secret.h"

enum { STORE_MODE = 0600 };

/* ---- reading */

static void
copy(char *out, size_t size, const json_t *text)
{
	const char *s = json_string_value(text);

	snprintf(out, size, "%s", s != NULL ? s : "");
}

static int
read_entry(struct site_store_entry *e, const json_t *j)
{
	const json_t *relay = json_object_get(j, "relay");
	const json_int_t heard =
	    json_integer_value(json_object_get(j, "heard"));
	const json_int_t records =
	    json_integer_value(json_object_get(j, "records"));
	const json_int_t rate = json_integer_value(json_object_get(j, "rate"));
	const json_int_t month =
	    json_integer_value(json_object_get(j, "month"));

	if (!json_is_boolean(relay) || heard <= 0 || records < 0 || rate < 0 ||
	    month < 0)
		return EINVAL;
	policy_site_init(&e->word);
	e->word.records = (unsigned)records;
	e->word.relay = json_is_true(relay);
	e->word.rate = (uint64_t)rate;
	e->word.month = (uint64_t)month;
	copy(e->word.contact, sizeof(e->word.contact),
	    json_object_get(j, "contact"));
	copy(e->word.fault, sizeof(e->word.fault), json_object_get(j, "fault"));
	e->heard_s = heard;
	return 0;
}

static int
read_all(struct site_store_entry *entries, size_t count, const json_t *all)
{
	const json_t *j;
	int rc;

	if (!json_is_object(all))
		return EINVAL;
	for (size_t i = 0; i < count; i++) {
		if ((j = json_object_get(all, entries[i].name)) == NULL)
			continue;
		if ((rc = read_entry(&entries[i], j)) != 0)
			return rc;
	}
	return 0;
}

static void
forget(struct site_store_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		policy_site_init(&entries[i].word);
		entries[i].heard_s = 0;
	}
}

int
site_store_load(
    struct site_store_entry *entries, size_t count, const char *path)
{
	char *text = NULL;
	json_t *all;
	int rc;

	forget(entries, count);
	if ((rc = secret_load(&text, path)) != 0)
		return rc;
	all = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	secret_free(text);
	if ((rc = read_all(entries, count, all)) != 0)
		forget(entries, count);
	json_decref(all);
	return rc;
}

/* ---- writing */

static json_t *
entry_json(const struct site_store_entry *e)
{
	const struct policy_site *w = &e->word;

	return json_pack("{s:I,s:b,s:I,s:I,s:s,s:s,s:I}", "records",
	    (json_int_t)w->records, "relay", w->relay, "rate",
	    (json_int_t)w->rate, "month", (json_int_t)w->month, "contact",
	    w->contact, "fault", w->fault, "heard", (json_int_t)e->heard_s);
}

int
site_store_save(
    const struct site_store_entry *entries, size_t count, const char *path)
{
	json_t *all = json_object();
	char *text;
	int rc;

	for (size_t i = 0; i < count; i++)
		if (entries[i].heard_s != 0)
			json_object_set_new(
			    all, entries[i].name, entry_json(&entries[i]));
	text = all != NULL ? json_dumps(all, JSON_INDENT(1)) : NULL;
	rc = text != NULL ? file_replace(path, text, STORE_MODE) : ENOMEM;
	mem_free(text); /* jansson allocates by malloc, as mem does */
	json_decref(all);
	return rc;
}
