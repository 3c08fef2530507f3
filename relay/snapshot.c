#include "relay/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/table.h"
#include "relay/snapshot_item.h"
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

void
snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < snapshot_key_count; i++) {
		if (!snapshot_keys[i].kind->is_unserved &&
		    !snapshot_keys[i].is_item)
			snapshot_key_free(s, &snapshot_keys[i]);
	}
	snapshot_item_free(s);
	free_users(s);
	mem_free(s);
}

/* ---- writing */

static void
print_users(FILE *out, const struct snapshot *s)
{
	for (size_t i = 0; i < s->auth.user_count; i++) {
		fputs("\tuser ", out);
		snapshot_key_quote(out, s->auth.users[i].name);
		fputs(" { password = \"***\" }\n", out);
	}
}

void
snapshot_dump(const struct snapshot *s, FILE *out)
{
	const char *section = NULL;

	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (k->is_item || !snapshot_key_is_printed(s, k))
			continue;
		if (section == NULL || strcmp(section, k->section) != 0) {
			fprintf(out, "%s%s {\n", section != NULL ? "}\n" : "",
			    k->section);
			if (strcmp(k->section, "auth") == 0)
				print_users(out, s);
			snapshot_item_dump(s, k->section, out);
		}
		section = k->section;
		fprintf(out, "\t%s = ", k->name);
		snapshot_key_print(out, s, k);
		fputc('\n', out);
	}
	fputs("}\n", out);
	snapshot_item_dump(s, NULL, out);
}

/* ---- comparing */

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

		if (k->kind->is_unserved || k->is_item ||
		    strcmp(k->name, "secret") == 0 ||
		    snapshot_key_is_same(old, new, k))
			continue;
		fprintf(out, "%s.%s: ", k->section, k->name);
		snapshot_key_print_plain(out, old, k);
		fputs(" -> ", out);
		snapshot_key_print_plain(out, new, k);
		fputc('\n', out);
	}
	snapshot_item_diff(old, new, out);
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
		    snapshot_key_is_same(old, new, k))
			continue;
		snprintf(why, SNAPSHOT_ERROR_MAX,
		    "%s.%s: changes only with a restart", k->section, k->name);
		return EINVAL;
	}
	return 0;
}
