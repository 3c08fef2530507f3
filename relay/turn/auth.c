#include "turn/auth.h"

#include <assert.h>
#include <string.h>

#include "common/secret.h"
#include "common/token/turnrest.h"
#include "relay/snapshot.h"

enum {
	ATTR_HEADER_LEN = 4,
	ALGORITHMS_LEN = ATTR_HEADER_LEN + 2 * 4, /* SHA-256, MD5 */
};

/* The attributes of a request that count here, all borrowed from it. */
struct claim {
	const struct stun_attr *username; /* or NULL and userhash */
	const struct stun_attr *userhash;
	const struct stun_attr *realm;
	const struct stun_attr *nonce;
	uint16_t algorithm; /* STUN_ALGORITHM_* the key is made with */
	bool chosen;        /* by PASSWORD-ALGORITHM, not by its absence */
};

static int
fail_as(enum stats_auth *why, enum stats_auth reason, int code)
{
	*why = reason;
	return code;
}

/* USERNAME or USERHASH, REALM and NONCE: 0, or 400. */
static int
read_claim(struct claim *c, const struct stun_msg *m)
{
	c->username = stun_msg_find(m, STUN_ATTR_USERNAME);
	c->userhash = stun_msg_find(m, STUN_ATTR_USERHASH);
	c->realm = stun_msg_find(m, STUN_ATTR_REALM);
	c->nonce = stun_msg_find(m, STUN_ATTR_NONCE);
	if (c->realm == NULL || c->nonce == NULL)
		return 400;
	if (c->username != NULL)
		return c->username->len <= STUN_USERNAME_MAX ? 0 : 400;
	if (c->userhash != NULL)
		return c->userhash->len == STUN_USERHASH_LEN ? 0 : 400;
	return 400;
}

/*
 * Which algorithm makes the key.  When the nonce says that a list was
 * offered, either none was understood and MD5 is meant, or list and choice
 * are there and nobody shortened the list on its way.  Returns 0, or 400.
 */
static int
read_algorithm(struct claim *c, const struct stun_msg *m)
{
	const struct stun_attr *const list =
	    stun_msg_find(m, STUN_ATTR_PASSWORD_ALGORITHMS);
	const struct stun_attr *const choice =
	    stun_msg_find(m, STUN_ATTR_PASSWORD_ALGORITHM);
	const bool offered =
	    (turn_nonce_claims(c->nonce->value, c->nonce->len) &
		TURN_NONCE_PASSWORD_ALGORITHMS) != 0;

	c->algorithm = STUN_ALGORITHM_MD5;
	c->chosen = choice != NULL;
	if (choice == NULL)
		return offered && list != NULL ? 400 : 0;
	if (offered && (list == NULL || !stun_attr_is_algorithms(list)))
		return 400;
	if (stun_attr_algorithm(&c->algorithm, choice) != 0)
		return 400;
	return c->algorithm == STUN_ALGORITHM_MD5 ||
		c->algorithm == STUN_ALGORITHM_SHA256
	    ? 0
	    : 400;
}

static bool
is_our_realm(const struct stun_attr *realm, const struct snapshot *conf)
{
	const size_t len = strlen(conf->node.realm);

	return realm->len == len &&
	    memcmp(realm->value, conf->node.realm, len) == 0;
}

/* The stronger of two is the one that counts. */
static bool
is_signed_by(const struct stun_msg *m, const struct stun_key *key)
{
	return m->integrity256 != NULL ? stun_integrity256_ok(m, key)
				       : stun_integrity_ok(m, key);
}

/* Takes as long as a wrong password does. */
static int
refuse_unknown(enum stats_auth *why, const struct stun_msg *m)
{
	static const struct stun_key nobody = { .len = STUN_MD5_LEN };

	(void)is_signed_by(m, &nobody);
	return fail_as(why, STATS_AUTH_UNKNOWN_USER, 401);
}

static void
set_name(struct turn_identity *id, const void *name, size_t len)
{
	assert(len <= STUN_USERNAME_MAX);
	memcpy(id->username, name, len);
	id->username[len] = '\0';
	id->username_len = len;
	id->user = id->username;
	id->user_len = len;
	id->expiry = 0;
}

static int
check_static(struct turn_identity *out, enum stats_auth *why,
    const struct turn_auth_input *in, const struct claim *c,
    const struct snapshot_user *user)
{
	const struct stun_key *key =
	    c->algorithm == STUN_ALGORITHM_SHA256 ? &user->sha256 : &user->md5;

	if (!is_signed_by(in->msg, key))
		return fail_as(why, STATS_AUTH_WRONG_PASSWORD, 401);
	set_name(out, user->name, strlen(user->name));
	out->key = *key;
	return 0;
}

/* Does a TURN REST password under one of our secrets sign m? */
static bool
find_rest_key(struct stun_key *key, const struct turn_auth_input *in,
    const struct claim *c)
{
	char password[TURNREST_PASSWORD_MAX];
	bool found = false;

	for (size_t i = 0; !found && i < in->conf->auth.secret_count; i++) {
		turnrest_password(password, in->conf->auth.secrets[i],
		    (const char *)c->username->value, c->username->len);
		found = stun_key_derive_n(key, c->algorithm, c->username->value,
			    c->username->len, in->conf->node.realm,
			    password) == 0 &&
		    is_signed_by(in->msg, key);
	}
	secret_wipe(password, sizeof(password));
	return found;
}

static int
check_rest(struct turn_identity *out, enum stats_auth *why,
    const struct turn_auth_input *in, const struct claim *c,
    const struct turnrest_name *name)
{
	const char *const text = (const char *)c->username->value;
	struct stun_key key;

	if (in->wall_s >= name->expiry)
		return fail_as(why, STATS_AUTH_EXPIRED, 401);
	if (!find_rest_key(&key, in, c))
		return fail_as(why, STATS_AUTH_WRONG_PASSWORD, 401);
	set_name(out, text, c->username->len);
	/* a bare expiry names nobody: all who have one are not one user */
	if (name->user_len > 0) {
		out->user = out->username + (name->user - text);
		out->user_len = name->user_len;
	}
	out->expiry = name->expiry;
	out->key = key;
	return 0;
}

/* Username and integrity, in one: 0 or 401. */
static int
check_user(struct turn_identity *out, enum stats_auth *why,
    const struct turn_auth_input *in, const struct claim *c)
{
	const struct snapshot *const conf = in->conf;
	const struct snapshot_user *user;
	struct turnrest_name name;

	/* keys hold under our realm only */
	if (!is_our_realm(c->realm, conf))
		return refuse_unknown(why, in->msg);
	user = c->username != NULL
	    ? snapshot_user(conf, c->username->value, c->username->len)
	    : snapshot_user_by_hash(conf, c->userhash->value);
	if (user != NULL)
		return check_static(out, why, in, c, user);
	if (c->username == NULL || conf->auth.secret_count == 0 ||
	    turnrest_parse(
		&name, (const char *)c->username->value, c->username->len) != 0)
		return refuse_unknown(why, in->msg);
	return check_rest(out, why, in, c, &name);
}

/*
 * The nonce comes last: RFC 8489 (other than RFC 5389) tells only who has
 * the password that it is stale.
 */
int
turn_auth_check(struct turn_identity *out, enum stats_auth *why,
    const struct turn_auth_input *in)
{
	const struct stun_msg *const m = in->msg;
	struct turn_identity id;
	unsigned features;
	struct claim c;
	int err;

	if (m->integrity == NULL && m->integrity256 == NULL)
		return fail_as(why, STATS_AUTH_CHALLENGED, 401);
	if ((err = read_claim(&c, m)) != 0)
		return fail_as(why, STATS_AUTH_MALFORMED, err);
	if ((err = read_algorithm(&c, m)) != 0)
		return fail_as(why, STATS_AUTH_BID_DOWN, err);
	if ((err = check_user(&id, why, in, &c)) != 0)
		return err;
	if ((err = turn_nonce_check(&features, in->nonce_key, in->client,
		 in->mono_s, c.nonce->value, c.nonce->len)) != 0)
		return fail_as(why, STATS_AUTH_STALE_NONCE, err);

	/* user points into username: into the copy's */
	*out = id;
	out->user = out->username + (id.user - id.username);
	out->sha256 = c.chosen;
	return 0;
}

/*
 * Anonymity is offered only where each user has a hash: a client that sees
 * the bit must send USERHASH, out of which no TURN REST name can be read.
 */
static unsigned
features_of(const struct snapshot *conf)
{
	unsigned features = TURN_NONCE_PASSWORD_ALGORITHMS;

	if (conf->auth.secret_count == 0)
		features |= TURN_NONCE_USERNAME_ANONYMITY;
	return features;
}

bool
turn_auth_put_challenge(
    struct pen *p, const struct turn_auth_input *in, size_t room)
{
	const char *const realm = in->conf->node.realm;
	const size_t realm_len = strlen(realm);
	unsigned features = features_of(in->conf);
	char nonce[TURN_NONCE_MAX];
	size_t nonce_len, need;

	nonce_len = turn_nonce_make(
	    nonce, in->nonce_key, in->client, in->mono_s, features);
	need = 2 * ATTR_HEADER_LEN + stun_padded(realm_len) +
	    stun_padded(nonce_len) + ALGORITHMS_LEN;
	if (need > room) {
		features = 0;
		nonce_len = turn_nonce_make(
		    nonce, in->nonce_key, in->client, in->mono_s, features);
		need = 2 * ATTR_HEADER_LEN + stun_padded(realm_len) +
		    stun_padded(nonce_len);
	}
	if (need > room)
		return false;
	stun_put(p, STUN_ATTR_REALM, realm, realm_len);
	stun_put(p, STUN_ATTR_NONCE, nonce, nonce_len);
	if (features != 0)
		stun_put_algorithms(p);
	return true;
}

void
turn_auth_put_integrity(struct pen *p, const struct turn_identity *id)
{
	if (id->sha256)
		stun_put_integrity256(p, &id->key);
	else
		stun_put_integrity(p, &id->key);
}
