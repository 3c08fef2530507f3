#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "relay/snapshot_load.h"

enum { PATH_TEXT_MAX = 4096 };

static int
no_memory(struct snapshot_loader *ld, const struct snapshot_key *k)
{
	return snapshot_refuse_key(ld, k->section, k->name, "out of memory");
}

/* The folder that systemd puts LoadCredential= into; "" without systemd. */
static const char *
credentials(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	return dir != NULL ? dir : "";
}

/* Writes into path where the credential for a relative name stands: systemd
 * calls the files of a folder "folder_file".  False when there is none. */
static bool
find_credential(char path[PATH_TEXT_MAX], const char *name)
{
	const size_t dir = strlen(credentials());

	if (dir == 0 || dir + 1 + strlen(name) >= PATH_TEXT_MAX)
		return false;
	memcpy(path, credentials(), dir);
	path[dir] = '/';
	for (size_t i = 0; i <= strlen(name); i++)
		path[dir + 1 + i] = name[i] == '/' ? '_' : name[i];
	return access(path, F_OK) == 0;
}

/* A path beside the file that names it; others as they are. */
static bool
find_beside(char path[PATH_TEXT_MAX], const char *file, const char *name)
{
	const char *slash = file != NULL ? strrchr(file, '/') : NULL;
	int dir = 0;

	if (*name != '\0' && *name != '/' && slash != NULL)
		dir = (int)(slash + 1 - file);
	return snprintf(path, PATH_TEXT_MAX, "%.*s%s", dir, file, name) <
	    PATH_TEXT_MAX;
}

/* Paths: $CREDENTIALS_DIRECTORY/x is systemd's, and so is "x" where it exists
 * there; else "x" stands beside the file that names it.  Returns a copy, or
 * NULL and has refused. */
static char *
resolve_path(
    struct snapshot_loader *ld, const struct snapshot_key *k, const char *text)
{
	static const char variable[] = "$CREDENTIALS_DIRECTORY/";
	char path[PATH_TEXT_MAX];

	if (strncmp(text, variable, sizeof(variable) - 1) == 0) {
		text += sizeof(variable) - 1;
		if (*credentials() == '\0') {
			snapshot_refuse_key(ld, k->section, k->name,
			    "$CREDENTIALS_DIRECTORY is not set: it is where "
			    "systemd puts LoadCredential=");
			return NULL;
		}
		if (snprintf(path, sizeof(path), "%s/%s", credentials(), text) <
		    (int)sizeof(path))
			return mem_strdup(path);
	} else if ((*text != '\0' && *text != '/' &&
		       find_credential(path, text)) ||
	    find_beside(path, ld->keys[k - snapshot_keys].file, text)) {
		return mem_strdup(path);
	}
	snapshot_refuse_key(ld, k->section, k->name, "is too long");
	return NULL;
}

/* Puts what text says into the element at. */
static int
store_one(struct snapshot_loader *ld, const struct snapshot_key *k, void *at,
    const char *text)
{
	const char *wrong = k->kind->parse(at, text, k);
	char *copy;

	if (wrong != NULL)
		return snapshot_refuse_key(
		    ld, k->section, k->name, "\"%.100s\" %s", text, wrong);
	if (!k->kind->is_text)
		return 0;
	copy = k->kind->is_path && strstr(text, "://") == NULL
	    ? resolve_path(ld, k, text)
	    : mem_strdup(text);
	if (copy == NULL)
		return no_memory(ld, k);
	memcpy(at, &copy, sizeof(copy));
	return 0;
}

/* Room for count elements in the list of k, which is field. */
static char *
open_list(struct snapshot_loader *ld, const struct snapshot_key *k, void *field,
    size_t count)
{
	struct snapshot_list list = { NULL, count };

	if ((list.at = mem_try(count, k->kind->size)) == NULL) {
		no_memory(ld, k);
		return NULL;
	}
	memcpy(field, &list, sizeof(list));
	return list.at;
}

static int
store_list(struct snapshot_loader *ld, const struct snapshot_key *k,
    void *field, cfg_opt_t *opt)
{
	const size_t count = cfg_opt_size(opt);
	char *at;
	int rc = 0;

	if (count == 0)
		return 0;
	if ((at = open_list(ld, k, field, count)) == NULL)
		return EINVAL;
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = store_one(ld, k, at + i * k->kind->size,
		    cfg_opt_getnstr(opt, (unsigned)i));
	return rc;
}

/* Defaults of a list: items with a blank between; two at most. */
static int
store_default_list(
    struct snapshot_loader *ld, const struct snapshot_key *k, void *field)
{
	char text[64], *rest = text, *item;
	char *at;
	int rc = 0;

	if (k->def == NULL || *k->def == '\0')
		return 0;
	if ((at = open_list(ld, k, field, 2)) == NULL)
		return EINVAL;
	snprintf(text, sizeof(text), "%s", k->def);
	for (; (item = strsep(&rest, " ")) != NULL && rc == 0;
	     at += k->kind->size)
		rc = store_one(ld, k, at, item);
	return rc;
}

static cfg_opt_t *
find_opt(cfg_t *sec, const struct snapshot_key *k)
{
	cfg_opt_t *opt = cfg_getopt(sec, k->name);

	/* set, though maybe to an empty list */
	return (opt->flags & CFGF_MODIFIED) != 0 ? opt : NULL;
}

/* No TLS without a certificate: its listeners are then no default. */
static bool
has_default(cfg_t *sec, const struct snapshot_key *k)
{
	const struct snapshot_key *cert =
	    snapshot_key_find("listen", "certificate");
	const cfg_opt_t *opt;

	if (strcmp(k->section, "listen") != 0 ||
	    (strcmp(k->name, "tls") != 0 && strcmp(k->name, "dtls") != 0))
		return true;
	opt = find_opt(sec, cert);
	return opt != NULL && opt->values[0]->string[0] != '\0';
}

static int
store_key(struct snapshot_loader *ld, const struct snapshot_key *k, cfg_t *sec,
    void *base)
{
	cfg_opt_t *opt = find_opt(sec, k);
	void *at = (char *)base + k->offset;

	if (k->kind->is_list) {
		if (opt != NULL)
			return store_list(ld, k, at, opt);
		return has_default(sec, k) ? store_default_list(ld, k, at) : 0;
	}
	if (opt != NULL)
		return store_one(ld, k, at, cfg_opt_getstr(opt));
	if (k->def != NULL)
		return store_one(ld, k, at, k->def);
	return 0; /* follows from others */
}

int
snapshot_store_section(
    struct snapshot_loader *ld, const char *section, cfg_t *sec, void *base)
{
	int rc = 0;

	for (size_t i = 0; i < snapshot_key_count && rc == 0; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (!k->kind->is_unserved && strcmp(k->section, section) == 0)
			rc = store_key(ld, k, sec, base);
	}
	return rc;
}

int
snapshot_store(struct snapshot_loader *ld)
{
	const char *section = "";
	int rc = 0;

	for (size_t i = 0; i < snapshot_key_count && rc == 0; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (k->kind->is_unserved || k->is_item ||
		    strcmp(k->section, section) == 0)
			continue;
		section = k->section;
		rc = snapshot_store_section(
		    ld, section, cfg_getsec(ld->cfg, section), ld->s);
	}
	return rc;
}
