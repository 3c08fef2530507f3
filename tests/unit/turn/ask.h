/*
 * ask: requests with long-term credentials and a configuration to check them
 * against, by hand; included once by each test of relay/turn/auth.c.
 */
#ifndef UNIT_TURN_ASK_H
#define UNIT_TURN_ASK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "relay/snapshot.h"
#include "tests/unit/common/stun/vectors.h"
#include "turn/auth.h"

enum {
	ROOM = 2048,
	MONO_S = 5000,
	WALL_S = 1893456000,
	USERS = 4,
};

#define REALM VECTOR_LONG_REALM

static const uint8_t tid[STUN_TID_LEN] = "abcdefghijkl";
static const struct turn_nonce_key nonce_key = { "key" };
static struct addr client;

/* ---- a configuration by hand */

static struct snapshot_user users[USERS] = {
	{ .name = VECTOR_LONG_USER, .password = VECTOR_LONG_PASSWORD },
	{ .name = "alice", .password = "wonder" },
	{ .name = "a:b:c", .password = "colons" },
	/* reads like a TURN REST name that has long expired */
	{ .name = "17:bob", .password = "static" },
};
static char *secrets[] = { "south", "north" };
static struct snapshot conf;

const struct snapshot_user *
snapshot_user(const struct snapshot *s, const void *name, size_t len)
{
	for (size_t i = 0; i < s->auth.user_count; i++)
		if (strlen(s->auth.users[i].name) == len &&
		    memcmp(s->auth.users[i].name, name, len) == 0)
			return &s->auth.users[i];
	return NULL;
}

const struct snapshot_user *
snapshot_user_by_hash(
    const struct snapshot *s, const uint8_t hash[STUN_USERHASH_LEN])
{
	for (size_t i = 0; i < s->auth.user_count; i++)
		if (memcmp(s->auth.users[i].userhash, hash,
			STUN_USERHASH_LEN) == 0)
			return &s->auth.users[i];
	return NULL;
}

static inline void
set_user(struct snapshot_user *u)
{
	assert_int_equal(stun_key_derive(&u->md5, STUN_ALGORITHM_MD5, u->name,
			     REALM, u->password),
	    0);
	assert_int_equal(stun_key_derive(&u->sha256, STUN_ALGORITHM_SHA256,
			     u->name, REALM, u->password),
	    0);
	stun_userhash(u->userhash, u->name, REALM);
}

static inline int
set_up(void **state)
{
	(void)state;
	if (addr_parse(&client, "192.0.2.1:5000") != 0)
		return 1;
	for (size_t i = 0; i < USERS; i++)
		set_user(&users[i]);
	memset(&conf, 0, sizeof(conf));
	conf.node.realm = REALM;
	conf.auth.users = users;
	conf.auth.user_count = USERS;
	conf.auth.secrets = secrets;
	conf.auth.secret_count = 2;
	return 0;
}

/* ---- requests */

enum sign { SIGN_NONE = 0, SIGN_SHA1 = 1, SIGN_SHA256 = 2, SIGN_BOTH = 3 };

/* What a request carries; NULL and 0: not there. */
struct ask {
	const char *user;
	const char *userhash; /* of this user */
	const char *realm;
	unsigned features; /* of the nonce */
	bool no_nonce;
	int64_t nonce_s; /* made at; 0: MONO_S */
	bool list;
	uint16_t algorithm; /* PASSWORD-ALGORITHM */
	const char *password;
	const char *key_user; /* the key's, where it is not user */
	uint16_t key;         /* algorithm of the key; 0: MD5 */
	enum sign sign;
	const char *sha1_password; /* of MESSAGE-INTEGRITY, if another */
};

struct answer {
	struct turn_identity id;
	enum stats_auth why;
	int code;
};

static inline void
put_nonce(struct pen *p, const struct ask *a)
{
	const int64_t at = a->nonce_s != 0 ? a->nonce_s : MONO_S;
	char nonce[TURN_NONCE_MAX];
	const size_t len =
	    turn_nonce_make(nonce, &nonce_key, &client, at, a->features);

	stun_put(p, STUN_ATTR_NONCE, nonce, len);
}

static inline struct stun_key
key_of(const struct ask *a, const char *password)
{
	const char *user = a->key_user != NULL ? a->key_user
	    : a->user != NULL                  ? a->user
					       : "";
	struct stun_key key;

	assert_int_equal(
	    stun_key_derive(&key, a->key != 0 ? a->key : STUN_ALGORITHM_MD5,
		user, REALM, password),
	    0);
	return key;
}

static inline void
put_signatures(struct pen *p, const struct ask *a)
{
	const char *sha1 =
	    a->sha1_password != NULL ? a->sha1_password : a->password;
	struct stun_key key;

	if (a->sign & SIGN_SHA1) {
		key = key_of(a, sha1);
		stun_put_integrity(p, &key);
	}
	if (a->sign & SIGN_SHA256) {
		key = key_of(a, a->password);
		stun_put_integrity256(p, &key);
	}
}

static inline size_t
build(uint8_t out[ROOM], const struct ask *a)
{
	uint8_t hash[STUN_USERHASH_LEN];
	struct pen p;

	stun_msg_begin(&p, out, ROOM, STUN_ALLOCATE, STUN_REQUEST, tid);
	if (a->user != NULL)
		stun_put(&p, STUN_ATTR_USERNAME, a->user, strlen(a->user));
	if (a->userhash != NULL) {
		stun_userhash(hash, a->userhash, REALM);
		stun_put(&p, STUN_ATTR_USERHASH, hash, sizeof(hash));
	}
	if (a->realm != NULL)
		stun_put(&p, STUN_ATTR_REALM, a->realm, strlen(a->realm));
	if (!a->no_nonce)
		put_nonce(&p, a);
	if (a->list)
		stun_put_algorithms(&p);
	if (a->algorithm != 0)
		stun_put_algorithm(&p, a->algorithm);
	put_signatures(&p, a);
	return stun_msg_end(&p);
}

static inline struct answer
check_bytes(const uint8_t *data, size_t len)
{
	struct answer got = { .why = STATS_AUTH_COUNT };
	struct turn_auth_input in = { NULL, &client, &conf, &nonce_key, MONO_S,
		WALL_S };
	struct stun_msg m;

	assert_int_equal(stun_msg_parse(&m, data, len), 0);
	in.msg = &m;
	got.code = turn_auth_check(&got.id, &got.why, &in);
	return got;
}

static inline struct answer
check(const struct ask *a)
{
	uint8_t data[ROOM];

	return check_bytes(data, build(data, a));
}

/* What an old client sends, and what one of RFC 8489 does. */
static inline struct ask
old_ask(void)
{
	return (struct ask){ .user = "alice",
		.realm = REALM,
		.password = "wonder",
		.sign = SIGN_SHA1 };
}

static inline struct ask
new_ask(void)
{
	return (struct ask){ .user = "alice",
		.realm = REALM,
		.features = TURN_NONCE_PASSWORD_ALGORITHMS,
		.list = true,
		.algorithm = STUN_ALGORITHM_SHA256,
		.key = STUN_ALGORITHM_SHA256,
		.password = "wonder",
		.sign = SIGN_SHA256 };
}

#endif
