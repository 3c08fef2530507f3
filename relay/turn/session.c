#include "turn/session.h"

#include <assert.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/table.h"
#include "relay/snapshot.h"

enum {
	FLOW_KEY_MAX = 2 * 24, /* two addresses; transport fits in */
};

int
turn_session_init(struct turn_session *s, const struct net_flow *flow,
    const struct turn_identity *id)
{
	const ptrdiff_t user_at = id->user - id->username;

	assert(
	    user_at >= 0 && (size_t)user_at + id->user_len <= id->username_len);
	if ((s->username = mem_try(id->username_len + 1, 1)) == NULL)
		return 508;
	memcpy(s->username, id->username, id->username_len);
	s->flow = *flow;
	s->username_len = (uint16_t)id->username_len;
	s->user_at = (uint16_t)user_at;
	s->user_len = (uint16_t)id->user_len;
	s->expiry = id->expiry;
	turn_session_remember(s, id);
	return 0;
}

void
turn_session_fini(struct turn_session *s)
{
	turn_session_forget(s);
	mem_free(s->username);
	s->username = NULL;
}

/* Family, port and host in len bytes, a multiple of 8: whole words. */
static size_t
put_addr(uint8_t *out, const struct addr *a)
{
	/* of IPv4 they lie side by side */
	memcpy(out, a, 8);
	if (addr_family(a) != AF_INET6)
		return 8;
	memset(out + 4, 0, 4); /* not the flow label */
	memcpy(out + 8, &a->u.in6.sin6_addr, 16);
	return 24;
}

uint32_t
turn_session_hash(const struct net_flow *flow)
{
	uint8_t key[FLOW_KEY_MAX];
	size_t len = put_addr(key, &flow->client);

	/* in place of the family, which the length tells */
	key[0] = (uint8_t)flow->transport;
	len += put_addr(key + len, &flow->local);
	return table_hash(key, len);
}

static bool
is_username(const struct turn_session *s, const void *name, size_t len)
{
	return s->username_len == len && memcmp(s->username, name, len) == 0;
}

bool
turn_session_is_of(const struct turn_session *s, const char *user, size_t len)
{
	return s->user_len == len &&
	    memcmp(s->username + s->user_at, user, len) == 0;
}

bool
turn_session_belongs(
    const struct turn_session *s, const struct turn_identity *id)
{
	return is_username(s, id->username, id->username_len);
}

/* Does m have the attribute, with exactly these bytes? */
static bool
has(const struct stun_msg *m, uint16_t type, const void *value, size_t len)
{
	const struct stun_attr *a = stun_msg_find(m, type);

	return a != NULL && a->len == len && memcmp(a->value, value, len) == 0;
}

/* What every client sends: SHA-1, no algorithm named.  The rest takes the
 * long way, where bid-down is checked. */
static bool
is_classic(const struct stun_msg *m)
{
	return m->integrity != NULL && m->integrity256 == NULL &&
	    stun_msg_find(m, STUN_ATTR_PASSWORD_ALGORITHM) == NULL &&
	    stun_msg_find(m, STUN_ATTR_PASSWORD_ALGORITHMS) == NULL &&
	    stun_msg_find(m, STUN_ATTR_USERHASH) == NULL;
}

static bool
has_fresh_nonce(const struct turn_auth_input *in)
{
	const struct stun_attr *a = stun_msg_find(in->msg, STUN_ATTR_NONCE);
	unsigned features;

	return a != NULL &&
	    turn_nonce_check(&features, in->nonce_key, in->client, in->mono_s,
		a->value, a->len) == 0;
}

static void
identify(struct turn_identity *out, const struct turn_session *s,
    const struct stun_key *key)
{
	memcpy(out->username, s->username, s->username_len + 1u);
	out->username_len = s->username_len;
	out->user = out->username + s->user_at;
	out->user_len = s->user_len;
	out->expiry = s->expiry;
	out->key = *key;
	out->sha256 = false;
}

bool
turn_session_auth(struct turn_identity *out, const struct turn_session *s,
    const struct turn_auth_input *in)
{
	const char *realm = in->conf->node.realm;
	const struct stun_msg *m = in->msg;
	struct stun_key key = { .len = s->key_len };

	if (s->key_len == 0 || s->sha256 || !is_classic(m))
		return false;
	if (!has(m, STUN_ATTR_USERNAME, s->username, s->username_len) ||
	    !has(m, STUN_ATTR_REALM, realm, strlen(realm)) ||
	    !has_fresh_nonce(in))
		return false;
	memcpy(key.bytes, s->key, s->key_len);
	if (!stun_integrity_ok(m, &key))
		return false;
	identify(out, s, &key);
	return true;
}

void
turn_session_remember(struct turn_session *s, const struct turn_identity *id)
{
	if (id->key.len > sizeof(s->key))
		return;
	memcpy(s->key, id->key.bytes, id->key.len);
	s->key_len = (uint8_t)id->key.len;
	s->sha256 = id->sha256;
}

void
turn_session_forget(struct turn_session *s)
{
	secret_wipe(s->key, sizeof(s->key));
	s->key_len = 0;
}

const char *
turn_session_label(
    const struct turn_session *s, char out[TURN_SESSION_LABEL_MAX])
{
	size_t n = s->user_len;

	if (n > TURN_SESSION_LABEL_MAX - 1)
		n = TURN_SESSION_LABEL_MAX - 1;
	for (size_t i = 0; i < n; i++) {
		const char c = s->username[s->user_at + i];

		out[i] = (unsigned char)c > ' ' && c != '\x7f' ? c : '?';
	}
	out[n] = '\0';
	return out;
}
