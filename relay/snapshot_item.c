#include "relay/snapshot_item.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/mem.h"

struct kind {
	const char *section;
	const char *inside; /* another section; NULL: none */
	size_t offset;      /* of its list in struct snapshot */
	size_t size;        /* of an item */
	int (*check)(struct snapshot_loader *ld, void *item);
};

static char *
name_of(const void *item)
{
	char *name;

	memcpy(&name, item, sizeof(name));
	return name;
}

/* ---- what an item must hold */

/* Names go into metrics and messages as they are. */
static bool
is_name(const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || len > SNAPSHOT_TITLE_MAX)
		return false;
	for (; *name != '\0'; name++) {
		if (!isalnum((unsigned char)*name) &&
		    strchr("._-", *name) == NULL)
			return false;
	}
	return true;
}

static bool
holds(const struct snapshot_prefixes *list, size_t count,
    const struct addr_prefix *p)
{
	for (size_t i = 0; i < count; i++) {
		if (list->at[i].bits == p->bits &&
		    addr_equal_host(&list->at[i].base, &p->base))
			return true;
	}
	return false;
}

/* One prefix inside another is what the longest wins; the same twice has no
 * winner. */
static int
check_overlap(struct snapshot_loader *ld, const struct snapshot_network *n)
{
	const struct snapshot *s = ld->s;
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < n->prefixes.count; i++) {
		const struct addr_prefix *p = &n->prefixes.at[i];

		if (holds(&n->prefixes, i, p))
			return snapshot_refuse_key(ld, "network", "prefixes",
			    "%s stands twice", addr_prefix_format(p, text));
		for (const struct snapshot_network *o = s->networks; o < n;
		     o++) {
			if (!holds(&o->prefixes, o->prefixes.count, p))
				continue;
			return snapshot_refuse_key(ld, "network", "prefixes",
			    "%s is network \"%s\" already: a network may lie "
			    "inside another, but not be the same",
			    addr_prefix_format(p, text), o->name);
		}
	}
	return 0;
}

static int
check_network(struct snapshot_loader *ld, void *item)
{
	struct snapshot_network *n = item;
	int rc;

	if (n->prefixes.count == 0)
		return snapshot_refuse_key(ld, "network", "prefixes",
		    "are missing: name one, like {\"198.18.0.0/15\"}");
	if ((rc = snapshot_check_burst(
		 ld, "network", "burst", n->rate, &n->burst)) != 0)
		return rc;
	return check_overlap(ld, n);
}

static int
check_schedule(struct snapshot_loader *ld, void *item)
{
	struct snapshot_schedule *w = item;

	if (snapshot_mark_of(ld, "schedule", "from")->line == 0)
		return snapshot_refuse_key(ld, "schedule", "from",
		    "is missing: a time of day like \"20:00\"");
	if (snapshot_mark_of(ld, "schedule", "to")->line == 0)
		return snapshot_refuse_key(ld, "schedule", "to",
		    "is missing: a time of day like \"06:00\"");
	if (w->from == w->to)
		return snapshot_refuse_key(ld, "schedule", "to",
		    "is the same as from: a window that never opens; the "
		    "whole day is from \"00:00\" to \"24:00\"");
	w->has_rate = snapshot_mark_of(ld, "schedule", "rate")->line != 0;
	if (!w->has_rate && w->relay)
		return snapshot_refuse_key(ld, "schedule", "rate",
		    "is missing: state it, or relay = false");
	return 0;
}

static int
check_issuer(struct snapshot_loader *ld, void *item)
{
	const struct snapshot_issuer *n = item;

	if (n->jwks == NULL)
		return snapshot_refuse_key(ld, "issuer", "jwks",
		    "is missing: the issuer's public keys, a file or an "
		    "https:// URL");
	if (n->issuer == NULL)
		return snapshot_refuse_key(ld, "issuer", "issuer",
		    "is missing: what its tokens have as \"iss\", like "
		    "\"https://login.example.org\"");
	if (n->audience == NULL)
		return snapshot_refuse_key(ld, "issuer", "audience",
		    "is missing: what its tokens for this server have as "
		    "\"aud\", like \"supernode\"");
	for (const struct snapshot_issuer *o = ld->s->auth.issuers; o < n;
	     o++) {
		if (strcmp(o->issuer, n->issuer) == 0)
			return snapshot_refuse_key(ld, "issuer", "issuer",
			    "is that of \"%s\" already", o->title);
	}
	return 0;
}

static const struct kind kinds[] = {
	{ "network", NULL, offsetof(struct snapshot, networks),
	    sizeof(struct snapshot_network), check_network },
	{ "schedule", NULL, offsetof(struct snapshot, schedules),
	    sizeof(struct snapshot_schedule), check_schedule },
	{ "issuer", "auth", offsetof(struct snapshot, auth.issuers),
	    sizeof(struct snapshot_issuer), check_issuer },
};
enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* A list is a pointer with its count behind it. */
_Static_assert(offsetof(struct snapshot, network_count) ==
	offsetof(struct snapshot, networks) +
	    offsetof(struct snapshot_list, count),
    "networks are a list");
_Static_assert(offsetof(struct snapshot, schedule_count) ==
	offsetof(struct snapshot, schedules) +
	    offsetof(struct snapshot_list, count),
    "schedules are a list");
_Static_assert(offsetof(struct snapshot, auth.issuer_count) ==
	offsetof(struct snapshot, auth.issuers) +
	    offsetof(struct snapshot_list, count),
    "issuers are a list");

/* ---- adding */

static struct snapshot_list
list_of(const struct snapshot *s, const struct kind *k)
{
	struct snapshot_list list;

	memcpy(&list, (const char *)s + k->offset, sizeof(list));
	return list;
}

/* One more item, zeroed, at the end of k's list; NULL when memory is
 * short. */
static void *
grow(struct snapshot *s, const struct kind *k)
{
	struct snapshot_list list = list_of(s, k);
	char *at;

	if ((at = mem_try(list.count + 1, k->size)) == NULL)
		return NULL;
	if (list.count > 0)
		memcpy(at, list.at, list.count * k->size);
	mem_free(list.at);
	list.at = at;
	list.count++;
	memcpy((char *)s + k->offset, &list, sizeof(list));
	return at + (list.count - 1) * k->size;
}

static int
add(struct snapshot_loader *ld, const struct kind *k, cfg_t *sec)
{
	const char *title = cfg_title(sec);
	struct snapshot_mark at = *snapshot_mark_of(ld, k->section, NULL);
	char *name;
	void *item;
	int rc;

	if (!is_name(title))
		return snapshot_refuse(ld, at, k->section,
		    "\"%.100s\": a name has 1 to 63 letters, digits, dots, "
		    "hyphens and underscores",
		    title);
	if (list_of(ld->s, k).count == SNAPSHOT_NETWORKS_MAX)
		return snapshot_refuse(ld, at, k->section, "are more than %d",
		    SNAPSHOT_NETWORKS_MAX);
	if ((item = grow(ld->s, k)) == NULL)
		goto fail;
	if ((name = mem_strdup(title)) == NULL)
		goto fail;
	memcpy(item, &name, sizeof(name));
	if ((rc = snapshot_store_section(ld, k->section, sec, item)) != 0)
		return rc;
	return k->check(ld, item);

fail:
	return snapshot_refuse(ld, at, k->section, "out of memory");
}

int
snapshot_item_add(struct snapshot_loader *ld, const char *section, cfg_t *sec)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (strcmp(kinds[i].section, section) == 0)
			return add(ld, &kinds[i], sec);
	}
	return EINVAL; /* a row is missing in kinds */
}

/* ---- each key of each item */

static bool
is_of(const struct snapshot_key *key, const struct kind *k)
{
	return key->is_item && strcmp(key->section, k->section) == 0;
}

static void
free_item(const struct kind *k, void *item)
{
	mem_free(name_of(item));
	for (size_t i = 0; i < snapshot_key_count; i++) {
		if (is_of(&snapshot_keys[i], k))
			snapshot_key_free(item, &snapshot_keys[i]);
	}
}

void
snapshot_item_free(struct snapshot *s)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		const struct snapshot_list list = list_of(s, &kinds[i]);

		for (size_t n = 0; n < list.count; n++)
			free_item(
			    &kinds[i], (char *)list.at + n * kinds[i].size);
		mem_free(list.at);
	}
}

/* A rate that was not stated must not be when it is read back. */
static bool
is_printed(
    const struct kind *k, const void *item, const struct snapshot_key *key)
{
	if (!is_of(key, k) || !snapshot_key_is_printed(item, key))
		return false;
	return strcmp(k->section, "schedule") != 0 ||
	    strcmp(key->name, "rate") != 0 ||
	    ((const struct snapshot_schedule *)item)->has_rate;
}

static void
dump_item(FILE *out, const struct kind *k, const void *item)
{
	const char *tab = k->inside != NULL ? "\t" : "";

	fprintf(out, "%s%s \"%s\" {\n", tab, k->section, name_of(item));
	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *key = &snapshot_keys[i];

		if (!is_printed(k, item, key))
			continue;
		fprintf(out, "%s\t%s = ", tab, key->name);
		snapshot_key_print(out, item, key);
		fputc('\n', out);
	}
	fprintf(out, "%s}\n", tab);
}

static bool
is_inside(const struct kind *k, const char *section)
{
	if (k->inside == NULL || section == NULL)
		return k->inside == section;
	return strcmp(k->inside, section) == 0;
}

void
snapshot_item_dump(const struct snapshot *s, const char *section, FILE *out)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		const struct snapshot_list list = list_of(s, &kinds[i]);

		if (!is_inside(&kinds[i], section))
			continue;
		for (size_t n = 0; n < list.count; n++)
			dump_item(out, &kinds[i],
			    (const char *)list.at + n * kinds[i].size);
	}
}

static const void *
find(const struct snapshot *s, const struct kind *k, const char *name)
{
	const struct snapshot_list list = list_of(s, k);

	for (size_t n = 0; n < list.count; n++) {
		const char *item = (const char *)list.at + n * k->size;

		if (strcmp(name_of(item), name) == 0)
			return item;
	}
	return NULL;
}

static const char *
above(const struct kind *k)
{
	return k->inside != NULL ? "auth." : "";
}

static void
diff_item(FILE *out, const struct kind *k, const void *old, const void *new)
{
	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *key = &snapshot_keys[i];

		if (!is_of(key, k) || snapshot_key_is_same(old, new, key))
			continue;
		fprintf(out, "%s%s %s.%s: ", above(k), k->section, name_of(new),
		    key->name);
		snapshot_key_print_plain(out, old, key);
		fputs(" -> ", out);
		snapshot_key_print_plain(out, new, key);
		fputc('\n', out);
	}
}

static void
diff_kind(const struct snapshot *old, const struct snapshot *new,
    const struct kind *k, FILE *out)
{
	const struct snapshot_list was = list_of(old, k);
	const struct snapshot_list is = list_of(new, k);

	for (size_t n = 0; n < is.count; n++) {
		const char *item = (const char *)is.at + n * k->size;
		const char *before = find(old, k, name_of(item));

		if (before == NULL)
			fprintf(out, "%s%s %s: added\n", above(k), k->section,
			    name_of(item));
		else
			diff_item(out, k, before, item);
	}
	for (size_t n = 0; n < was.count; n++) {
		const char *item = (const char *)was.at + n * k->size;

		if (find(new, k, name_of(item)) == NULL)
			fprintf(out, "%s%s %s: removed\n", above(k), k->section,
			    name_of(item));
	}
}

void
snapshot_item_diff(
    const struct snapshot *old, const struct snapshot *new, FILE *out)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		diff_kind(old, new, &kinds[i], out);
}
