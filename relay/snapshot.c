#include "relay/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/table.h"
#include "relay/snapshot_key.h"

/* ---- freeing */

static void
free_users(struct snapshot *s)
{
	for (size_t i = 0; i < s->auth.user_count; i++) {
		struct snapshot_user *u = &s->auth.users[i];

		mem_free(u->name);
		secret_free(u->password);
		secret_wipe(&u->md5, sizeof(u->md5));
		secret_wipe(&u->sha256, sizeof(u->sha256));
	}
	mem_free(s->auth.users);
	table_free(s->auth.by_name);
	table_free(s->auth.by_hash);
}

static void
free_key(struct snapshot *s, const struct snapshot_key *k)
{
	struct snapshot_list list;
	char *text;

	if (k->kind->is_list) {
		memcpy(&list, (char *)s + k->offset, sizeof(list));
		for (size_t i = 0; k->kind->is_text && i < list.count; i++)
			secret_free(((char **)list.at)[i]);
		mem_free(list.at);
	} else if (k->kind->is_text) {
		memcpy(&text, (char *)s + k->offset, sizeof(text));
		mem_free(text);
	}
}

void
snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < snapshot_key_count; i++) {
		if (!snapshot_keys[i].kind->is_unserved)
			free_key(s, &snapshot_keys[i]);
	}
	free_users(s);
	mem_free(s);
}

/* ---- writing */

/* How many elements k has to write: of the secrets, those of the file. */
static size_t
count_of(const struct snapshot *s, const struct snapshot_key *k,
    const struct snapshot_list *list)
{
	return k->offset == offsetof(struct snapshot, auth.secrets)
	    ? s->auth.secret_inline
	    : list->count;
}

static void
print_value(FILE *out, const struct snapshot *s, const struct snapshot_key *k)
{
	const char *field = (const char *)s + k->offset;
	struct snapshot_list list;

	if (!k->kind->is_list) {
		k->kind->print(out, field);
		return;
	}
	memcpy(&list, field, sizeof(list));
	fputc('{', out);
	for (size_t i = 0; i < count_of(s, k, &list); i++) {
		fputs(i > 0 ? ", " : "", out);
		k->kind->print(out, (const char *)list.at + i * k->kind->size);
	}
	fputc('}', out);
}

static void
print_users(FILE *out, const struct snapshot *s)
{
	for (size_t i = 0; i < s->auth.user_count; i++) {
		fputs("\tuser ", out);
		snapshot_key_quote(out, s->auth.users[i].name);
		fputs(" { password = \"***\" }\n", out);
	}
}

/* Without a rate there is no burst that could be loaded again. */
static bool
is_printed(const struct snapshot *s, const struct snapshot_key *k)
{
	if (k->kind->is_unserved)
		return false;
	return k->offset != offsetof(struct snapshot, caps.burst) ||
	    s->caps.rate != 0;
}

void
snapshot_dump(const struct snapshot *s, FILE *out)
{
	const char *section = NULL;

	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (!is_printed(s, k))
			continue;
		if (section == NULL || strcmp(section, k->section) != 0) {
			fprintf(out, "%s%s {\n", section != NULL ? "}\n" : "",
			    k->section);
			if (strcmp(k->section, "auth") == 0)
				print_users(out, s);
		}
		section = k->section;
		fprintf(out, "\t%s = ", k->name);
		print_value(out, s, k);
		fputc('\n', out);
	}
	fputs("}\n", out);
}

/* ---- comparing */

/* The value of k as text, the caller's (free); NULL when memory is short. */
static char *
text_of(const struct snapshot *s, const struct snapshot_key *k)
{
	size_t size;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return NULL;
	print_value(f, s, k);
	fclose(f);
	return text;
}

static bool
is_same_key(const struct snapshot *a, const struct snapshot *b,
    const struct snapshot_key *k)
{
	char *one = text_of(a, k), *other = text_of(b, k);
	const bool same =
	    one != NULL && other != NULL && strcmp(one, other) == 0;

	free(one);
	free(other);
	return same;
}

bool
snapshot_has_same_secrets(const struct snapshot *a, const struct snapshot *b)
{
	if (a->auth.secret_count != b->auth.secret_count)
		return false;
	for (size_t i = 0; i < a->auth.secret_count; i++) {
		if (strcmp(a->auth.secrets[i], b->auth.secrets[i]) != 0)
			return false;
	}
	return true;
}

/* Quotes are for the file; a line of a difference does without. */
static void
print_plain(FILE *out, const struct snapshot *s, const struct snapshot_key *k)
{
	char *text = text_of(s, k);

	for (const char *at = text; at != NULL && *at != '\0'; at++) {
		if (*at != '"')
			fputc(*at, out);
	}
	free(text);
}

static void
diff_users(const struct snapshot *old, const struct snapshot *new, FILE *out)
{
	const struct snapshot_user *u, *was;

	for (size_t i = 0; i < new->auth.user_count; i++) {
		u = &new->auth.users[i];
		was = snapshot_user(old, u->name, strlen(u->name));
		if (was == NULL)
			fprintf(out, "auth.user %s: added\n", u->name);
		else if (strcmp(was->password, u->password) != 0)
			fprintf(
			    out, "auth.user %s: password changed\n", u->name);
	}
	for (size_t i = 0; i < old->auth.user_count; i++) {
		u = &old->auth.users[i];
		if (snapshot_user(new, u->name, strlen(u->name)) == NULL)
			fprintf(out, "auth.user %s: removed\n", u->name);
	}
}

void
snapshot_diff(const struct snapshot *old, const struct snapshot *new, FILE *out)
{
	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (k->kind->is_unserved || strcmp(k->name, "secret") == 0 ||
		    is_same_key(old, new, k))
			continue;
		fprintf(out, "%s.%s: ", k->section, k->name);
		print_plain(out, old, k);
		fputs(" -> ", out);
		print_plain(out, new, k);
		fputc('\n', out);
	}
	if (!snapshot_has_same_secrets(old, new))
		fputs("auth.secret: changed\n", out);
	diff_users(old, new, out);
}

/* ---- replacing */

/* Keys that hold from start to end; certificates are read again. */
static bool
needs_restart(const struct snapshot_key *k)
{
	if (strcmp(k->section, "node") == 0)
		return strcmp(k->name, "workers") == 0 ||
		    strcmp(k->name, "run") == 0 ||
		    strcmp(k->name, "state") == 0;
	if (strcmp(k->section, "listen") == 0)
		return (k->kind->print != NULL && k->kind->is_list &&
			   strcmp(k->name, "proxy-protocol") != 0) ||
		    strstr(k->name, "-buffer") != NULL ||
		    strcmp(k->name, "offload") == 0;
	/* the table of relayed ports is made once */
	if (strcmp(k->section, "relay") == 0)
		return strcmp(k->name, "addresses") == 0 ||
		    strcmp(k->name, "external") == 0 ||
		    strcmp(k->name, "ports") == 0;
	return strcmp(k->section, "admin") == 0;
}

int
snapshot_may_replace(const struct snapshot *old, const struct snapshot *new,
    char why[SNAPSHOT_ERROR_MAX])
{
	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (k->kind->is_unserved || !needs_restart(k) ||
		    is_same_key(old, new, k))
			continue;
		snprintf(why, SNAPSHOT_ERROR_MAX,
		    "%s.%s: changes only with a restart", k->section, k->name);
		return EINVAL;
	}
	return 0;
}
