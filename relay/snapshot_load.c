#include "relay/snapshot_load.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "relay/snapshot_item.h"

enum {
	SECTION_KEYS_MAX = 24,
	/* with a file's name and a line they fill SNAPSHOT_ERROR_MAX */
	SENTENCE_MAX = 256,
	TITLED = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES,
};

/* A section of the file; its keys follow from snapshot_keys. */
struct section {
	const char *name;
	bool is_titled;
};

static const struct section sections[] = {
	{ .name = "node" },
	{ .name = "listen" },
	{ .name = "relay" },
	{ .name = "auth" },
	{ .name = "caps" },
	{ .name = "admin" },
	{ .name = "log" },
	{ .name = "signalling" },
	{ .name = "audit" },
	{ .name = "cluster" },
	{ .name = "policy" },
	{ .name = "network", .is_titled = true },
	{ .name = "schedule", .is_titled = true },
};
enum { SECTION_COUNT = sizeof(sections) / sizeof(sections[0]) };

/* What libconfuse is told.  It keeps a copy. */
struct schema {
	cfg_opt_t root[SECTION_COUNT + 1];
	cfg_opt_t section[SECTION_COUNT][SECTION_KEYS_MAX + 1];
	cfg_opt_t user[2];
	cfg_opt_t issuer[SECTION_KEYS_MAX + 1];
};

/* OWNER: main thread.  libconfuse hands its callbacks no argument of ours,
 * and its scanner is one per process anyhow. */
static struct snapshot_loader *loading;

/* ---- messages */

static int
refuse(struct snapshot_loader *ld, struct snapshot_mark at, const char *what,
    const char *sentence)
{
	if (ld->why[0] != '\0')
		return EINVAL; /* the first is the cause */
	if (at.line > 0)
		snprintf(ld->why, SNAPSHOT_ERROR_MAX, "%.160s:%d: %.64s: %s",
		    at.file, at.line, what, sentence);
	else
		snprintf(ld->why, SNAPSHOT_ERROR_MAX, "%.160s: %.64s: %s",
		    ld->main, what, sentence);
	return EINVAL;
}

int
snapshot_refuse(struct snapshot_loader *ld, struct snapshot_mark at,
    const char *what, const char *fmt, ...)
{
	char sentence[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return refuse(ld, at, what, sentence);
}

/* What stands before a section's name, as operators know it. */
static const char *
above(const char *section)
{
	return strcmp(section, "user") == 0 || strcmp(section, "issuer") == 0
	    ? "auth."
	    : "";
}

int
snapshot_refuse_key(struct snapshot_loader *ld, const char *section,
    const char *name, const char *fmt, ...)
{
	struct snapshot_mark at = *snapshot_mark_of(ld, section, name);
	char sentence[SENTENCE_MAX], what[64];
	va_list ap;

	if (at.line == 0)
		at = *snapshot_mark_of(ld, section, NULL);
	snprintf(what, sizeof(what), "%s%s.%s", above(section), section, name);
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return refuse(ld, at, what, sentence);
}

struct snapshot_mark *
snapshot_mark_of(
    struct snapshot_loader *ld, const char *section, const char *name)
{
	const struct snapshot_key *k;

	if (name != NULL) {
		if ((k = snapshot_key_find(section, name)) == NULL)
			abort(); /* a row is missing in snapshot_keys */
		return &ld->keys[k - snapshot_keys];
	}
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		if (strcmp(sections[i].name, section) == 0)
			return &ld->sections[i];
	}
	return &ld->sections[SECTION_COUNT]; /* issuer */
}

/* ---- what libconfuse calls */

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char sentence[SENTENCE_MAX];

	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	loading->now.line = cfg->line;
	refuse(loading, loading->now, cfg->name == NULL ? "syntax" : cfg->name,
	    sentence);
}

/* The name under which operators know a key. */
static const char *
path_of(char *out, size_t size, const cfg_t *cfg, const cfg_opt_t *opt)
{
	if (strcmp(cfg->name, "root") == 0)
		snprintf(out, size, "%s", opt->name);
	else
		snprintf(out, size, "%s%s.%s", above(cfg->name), cfg->name,
		    opt->name);
	return out;
}

/* A value came, the last of opt's. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct snapshot_key *k = snapshot_key_find(cfg->name, opt->name);
	const char *text = opt->values[opt->nvalues - 1]->string;
	union {
		struct snapshot_external external;
		struct addr_prefix prefix;
		uint64_t number;
	} elem;
	char path[64];
	const char *wrong;

	loading->now.line = cfg->line;
	loading->keys[k - snapshot_keys] = loading->now;
	if ((wrong = k->kind->parse(&elem, text, k)) == NULL)
		return 0;
	return snapshot_refuse(loading, loading->now,
	    path_of(path, sizeof(path), cfg, opt), "\"%.100s\" %s",
	    k->kind->is_secret ? "***" : text, wrong);
}

static int
on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	loading->now.line = cfg->line;
	*snapshot_mark_of(loading, opt->name, NULL) = loading->now;
	return 0;
}

/* Stored while it is known where its keys stand. */
static int
on_item(cfg_t *cfg, cfg_opt_t *opt)
{
	int rc;

	on_section(cfg, opt);
	rc = snapshot_item_add(
	    loading, opt->name, opt->values[opt->nvalues - 1]->section);
	for (size_t i = 0; i < snapshot_key_count; i++) {
		if (strcmp(snapshot_keys[i].section, opt->name) == 0)
			loading->keys[i].line = 0;
	}
	return rc;
}

/* Returns NULL, or what is wrong with a user. */
static const char *
judge_user(const char *name, const char *password)
{
	if (*name == '\0' || strlen(name) > SNAPSHOT_USER_MAX)
		return "the name must have 1 to 508 bytes";
	if (strchr(name, ':') != NULL)
		return "the name must not contain a colon";
	if (password == NULL || *password == '\0')
		return "needs a password: password = \"...\"";
	if (strlen(password) > SNAPSHOT_PASSWORD_MAX)
		return "the password must have at most 512 bytes";
	if (strcmp(password, "***") == 0)
		return "the password is masked: put it back in the place of "
		       "***";
	if (snapshot_key_printable(name) != NULL)
		return snapshot_key_printable(name);
	return snapshot_key_printable(password);
}

static int
on_user(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *user = opt->values[opt->nvalues - 1]->section;
	const char *wrong =
	    judge_user(cfg_title(user), cfg_getstr(user, "password"));

	loading->now.line = cfg->line;
	if (wrong == NULL)
		return 0;
	return snapshot_refuse(loading, loading->now, "auth.user",
	    "\"%.100s\": %s", cfg_title(user), wrong);
}

/* ---- the schema */

static size_t
add_keys(cfg_opt_t *out, const char *section)
{
	size_t n = 0;

	for (size_t i = 0; i < snapshot_key_count; i++) {
		const struct snapshot_key *k = &snapshot_keys[i];

		if (strcmp(k->section, section) != 0)
			continue;
		if (n == SECTION_KEYS_MAX - 2)
			abort(); /* SECTION_KEYS_MAX is too small */
		out[n] = (cfg_opt_t)CFG_STR(k->name, NULL, CFGF_NODEFAULT);
		if (k->kind->is_list)
			out[n] = (cfg_opt_t)CFG_STR_LIST(
			    k->name, NULL, CFGF_NODEFAULT);
		out[n++].validcb = on_value;
	}
	return n;
}

static void
build_auth(struct schema *m, cfg_opt_t *auth, size_t n)
{
	m->user[0] = (cfg_opt_t)CFG_STR("password", NULL, CFGF_NODEFAULT);
	m->user[1] = (cfg_opt_t)CFG_END();
	m->issuer[add_keys(m->issuer, "issuer")] = (cfg_opt_t)CFG_END();
	auth[n] = (cfg_opt_t)CFG_SEC("user", m->user, TITLED);
	auth[n].validcb = on_user;
	auth[n + 1] = (cfg_opt_t)CFG_SEC("issuer", m->issuer, TITLED);
	auth[n + 1].validcb = on_item;
	auth[n + 2] = (cfg_opt_t)CFG_END();
}

static void
build_schema(struct schema *m)
{
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		const struct section *sec = &sections[i];
		const size_t n = add_keys(m->section[i], sec->name);

		m->section[i][n] = (cfg_opt_t)CFG_END();
		if (strcmp(sec->name, "auth") == 0)
			build_auth(m, m->section[i], n);
		m->root[i] = (cfg_opt_t)CFG_SEC(sec->name, m->section[i],
		    sec->is_titled ? TITLED : CFGF_NONE);
		m->root[i].validcb = sec->is_titled ? on_item : on_section;
	}
	m->root[SECTION_COUNT] = (cfg_opt_t)CFG_END();
}

/* ---- loading */

/* Takes the comments out of text. */
static int
feed_text(struct snapshot_loader *ld, const char *file, char *text)
{
	int rc;

	ld->now = (struct snapshot_mark){ file, 0 };
	if ((rc = snapshot_text_clean(ld, file, text)) != 0)
		return rc;
	if (cfg_parse_buf(ld->cfg, text) == CFG_SUCCESS)
		return 0;
	return snapshot_refuse(ld, ld->now, "syntax", "does not parse");
}

static int
feed_copy(struct snapshot_loader *ld, const char *file, const char *text)
{
	char *copy = mem_strdup(text);
	int rc;

	if (copy == NULL)
		return snapshot_refuse(ld, ld->now, "file", "out of memory");
	rc = feed_text(ld, file, copy);
	secret_free(copy);
	return rc;
}

static int
feed_file(struct snapshot_loader *ld, const char *path)
{
	char *text;
	int rc;

	if ((rc = snapshot_text_read(&text, path)) != 0)
		return snapshot_refuse(ld, (struct snapshot_mark){ path, 1 },
		    "file", "cannot be read: %s", strerror(rc));
	rc = feed_text(ld, path, text);
	secret_free(text);
	return rc;
}

/* path's conf.d/ *.conf, sorted; their names live in found. */
static int
feed_drop_ins(struct snapshot_loader *ld, const char *path, glob_t *found)
{
	const char *slash = strrchr(path, '/');
	const int dir = slash == NULL ? 0 : (int)(slash - path + 1);
	char pattern[4096];
	int rc = 0;

	snprintf(pattern, sizeof(pattern), "%.*sconf.d/*.conf", dir, path);
	if (glob(pattern, 0, NULL, found) != 0)
		return 0; /* there are none */
	for (size_t i = 0; i < found->gl_pathc && rc == 0; i++)
		rc = feed_file(ld, found->gl_pathv[i]);
	return rc;
}

static int
finish(struct snapshot_loader *ld)
{
	int rc;

	if ((rc = snapshot_store(ld)) != 0)
		return rc;
	if ((rc = snapshot_check(ld)) != 0)
		return rc;
	return snapshot_credentials(ld);
}

/* path is read with its drop-ins, unless text stands in their place. */
struct source {
	const char *path;
	const char *text;
	const char *more; /* read last */
};

static int
feed(struct snapshot_loader *ld, const struct source *from, glob_t *found)
{
	int rc = 0;

	if (from->text != NULL)
		rc = feed_copy(ld, from->path, from->text);
	else if (from->path != NULL && (rc = feed_file(ld, from->path)) == 0)
		rc = feed_drop_ins(ld, from->path, found);
	if (rc == 0 && from->more != NULL)
		rc = feed_copy(ld, "caps", from->more);
	return rc;
}

static int
load(struct snapshot_loader *ld, const struct source *from)
{
	struct schema *schema;
	glob_t found = { 0 };
	int rc = 0;

	if ((schema = mem_try(1, sizeof(*schema))) == NULL)
		return snapshot_refuse(ld, ld->now, "file", "out of memory");
	build_schema(schema);
	ld->cfg = cfg_init(schema->root, CFGF_NONE);
	loading = ld;
	if (ld->cfg == NULL) {
		rc = snapshot_refuse(ld, ld->now, "file", "out of memory");
		goto done;
	}
	cfg_set_error_function(ld->cfg, on_error);
	if ((rc = feed(ld, from, &found)) == 0)
		rc = finish(ld);
done:
	cfg_free(ld->cfg);
	globfree(&found);
	mem_free(schema);
	loading = NULL;
	return rc;
}

static int
load_snapshot(struct snapshot **out, const struct source *from,
    char why[SNAPSHOT_ERROR_MAX])
{
	struct snapshot_loader ld = { .why = why };
	int rc;

	why[0] = '\0';
	ld.main = from->path != NULL ? from->path : "embedded defaults";
	if ((ld.s = mem_try(1, sizeof(*ld.s))) == NULL)
		return snapshot_refuse(&ld, ld.now, "file", "out of memory");
	if ((rc = load(&ld, from)) == 0)
		*out = ld.s;
	else
		snapshot_free(ld.s);
	return rc;
}

int
snapshot_load(
    struct snapshot **out, const char *path, char why[SNAPSHOT_ERROR_MAX])
{
	return load_snapshot(out, &(struct source){ .path = path }, why);
}

int
snapshot_load_text(struct snapshot **out, const char *name, const char *text,
    char why[SNAPSHOT_ERROR_MAX])
{
	return load_snapshot(
	    out, &(struct source){ .path = name, .text = text }, why);
}

int
snapshot_load_with(struct snapshot **out, const char *path, const char *more,
    char why[SNAPSHOT_ERROR_MAX])
{
	return load_snapshot(
	    out, &(struct source){ .path = path, .more = more }, why);
}
