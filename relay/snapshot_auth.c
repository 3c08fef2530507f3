#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/stun/attr.h"
#include "common/table.h"
#include "relay/snapshot_load.h"

static int
no_memory(struct snapshot_loader *ld)
{
	return snapshot_refuse_key(ld, "auth", "secret", "out of memory");
}

/* ---- secrets */

static size_t
count_lines(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* Makes room for more secrets behind those of the file. */
static int
grow_secrets(struct snapshot_loader *ld, size_t more)
{
	struct snapshot *s = ld->s;
	char **at;

	if ((at = mem_try(s->auth.secret_count + more, sizeof(*at))) == NULL)
		return no_memory(ld);
	if (s->auth.secret_count > 0)
		memcpy(at, s->auth.secrets, s->auth.secret_count * sizeof(*at));
	mem_free(s->auth.secrets);
	s->auth.secrets = at;
	return 0;
}

/* One secret a line; empty lines are none. */
static int
take_lines(struct snapshot_loader *ld, char *text)
{
	struct snapshot *s = ld->s;
	char *line;
	size_t len;

	while ((line = strsep(&text, "\n")) != NULL) {
		len = strlen(line);
		if (len > 0 && line[len - 1] == '\r')
			line[--len] = '\0';
		if (len == 0)
			continue;
		if (snapshot_key_printable(line) != NULL)
			return snapshot_refuse_key(ld, "auth", "secret-file",
			    "%s holds control characters: one secret a line",
			    s->auth.secret_file);
		line = mem_strdup(line);
		if (line == NULL)
			return no_memory(ld);
		s->auth.secrets[s->auth.secret_count++] = line;
	}
	return 0;
}

static int
load_secrets(struct snapshot_loader *ld)
{
	struct snapshot *s = ld->s;
	size_t len;
	char *text;
	int rc;

	s->auth.secret_inline = s->auth.secret_count;
	if (*s->auth.secret_file == '\0')
		return 0;
	rc = secret_load(&text, s->auth.secret_file);
	if (rc == ENOENT)
		return snapshot_refuse_key(ld, "auth", "secret-file",
		    "%s cannot be read: there is none; (umask 077; openssl "
		    "rand -base64 33 > %s) makes one",
		    s->auth.secret_file, s->auth.secret_file);
	if (rc != 0)
		return snapshot_refuse_key(ld, "auth", "secret-file",
		    "%s cannot be read: %s", s->auth.secret_file, strerror(rc));
	len = strlen(text);
	if ((rc = grow_secrets(ld, count_lines(text))) == 0)
		rc = take_lines(ld, text);
	secret_wipe(text, len); /* cut into lines: not one string any more */
	mem_free(text);
	if (rc == 0 && s->auth.secret_count == s->auth.secret_inline)
		rc = snapshot_refuse_key(ld, "auth", "secret-file",
		    "%s holds no secret: write one a line",
		    s->auth.secret_file);
	return rc;
}

/* ---- users */

struct name {
	const void *at;
	size_t len;
};

static bool
has_name(const void *item, const void *key)
{
	const struct snapshot_user *u = item;
	const struct name *n = key;

	return strlen(u->name) == n->len && memcmp(u->name, n->at, n->len) == 0;
}

static bool
has_hash(const void *item, const void *key)
{
	const struct snapshot_user *u = item;

	return memcmp(u->userhash, key, STUN_USERHASH_LEN) == 0;
}

static int
add_user(struct snapshot_loader *ld, cfg_t *sec)
{
	struct snapshot *s = ld->s;
	struct snapshot_user *u = &s->auth.users[s->auth.user_count++];
	const char *realm = s->node.realm;

	u->name = mem_strdup(cfg_title(sec));
	u->password = mem_strdup(cfg_getstr(sec, "password"));
	if (u->name == NULL || u->password == NULL ||
	    stun_key_derive(&u->md5, STUN_ALGORITHM_MD5, u->name, realm,
		u->password) != 0 ||
	    stun_key_derive(&u->sha256, STUN_ALGORITHM_SHA256, u->name, realm,
		u->password) != 0)
		return no_memory(ld);
	stun_userhash(u->userhash, u->name, realm);
	if (table_add(s->auth.by_name, table_hash(u->name, strlen(u->name)),
		u) != 0 ||
	    table_add(s->auth.by_hash,
		table_hash(u->userhash, sizeof(u->userhash)), u) != 0)
		return no_memory(ld);
	return 0;
}

static int
load_users(struct snapshot_loader *ld)
{
	struct snapshot *s = ld->s;
	cfg_t *auth = cfg_getsec(ld->cfg, "auth");
	const unsigned count = cfg_size(auth, "user");
	int rc = 0;

	s->auth.users = mem_try(count + 1u, sizeof(*s->auth.users));
	s->auth.by_name = table_new(count + 1u, has_name);
	s->auth.by_hash = table_new(count + 1u, has_hash);
	if (s->auth.users == NULL || s->auth.by_name == NULL ||
	    s->auth.by_hash == NULL)
		return no_memory(ld);
	for (unsigned i = 0; i < count && rc == 0; i++)
		rc = add_user(ld, cfg_getnsec(auth, "user", i));
	return rc;
}

/* Those who come by token or as guests get credentials for relaying made out
 * of a secret; nobody sees it. */
static int
check_guests(struct snapshot_loader *ld)
{
	const struct snapshot *s = ld->s;

	if (s->auth.secret_count > 0 ||
	    (s->auth.issuer_count == 0 && !s->auth.anonymous))
		return 0;
	return snapshot_refuse_key(ld, "auth", "secret",
	    "is missing: %s get TURN credentials that are made with it "
	    "(auth.secret or auth.secret-file; any 32 random bytes)",
	    s->auth.issuer_count > 0 ? "those who log in by auth.issuer"
				     : "guests (auth.anonymous)");
}

int
snapshot_credentials(struct snapshot_loader *ld)
{
	int rc;

	if ((rc = load_secrets(ld)) != 0 || (rc = load_users(ld)) != 0)
		return rc;
	if ((rc = check_guests(ld)) != 0)
		return rc;
	if (ld->s->auth.secret_count == 0 && ld->s->auth.user_count == 0)
		return snapshot_refuse_key(ld, "auth", "secret",
		    "no credential at all: state auth.secret, "
		    "auth.secret-file or a user");
	return 0;
}

const struct snapshot_user *
snapshot_user(const struct snapshot *s, const void *name, size_t len)
{
	const struct name key = { name, len };

	return table_find(s->auth.by_name, table_hash(name, len), &key);
}

const struct snapshot_user *
snapshot_user_by_hash(
    const struct snapshot *s, const uint8_t hash[STUN_USERHASH_LEN])
{
	return table_find(
	    s->auth.by_hash, table_hash(hash, STUN_USERHASH_LEN), hash);
}
