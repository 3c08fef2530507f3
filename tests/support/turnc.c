#include "tests/support/turnc.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void
turnc_init(struct turnc *c, const char *user, const char *password, uint32_t id)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->user, sizeof(c->user), "%s", user);
	snprintf(c->password, sizeof(c->password), "%s", password);
	c->id = id;
}

static void
begin(struct turnc *c, struct pen *p, uint8_t *out, enum stun_method method)
{
	uint8_t tid[STUN_TID_LEN];
	struct pen t;

	c->serial++;
	pen_init(&t, tid, sizeof(tid));
	pen_u32(&t, c->id);
	pen_u32(&t, (uint32_t)(c->serial >> 32));
	pen_u32(&t, (uint32_t)c->serial);
	stun_msg_begin(p, out, TURNC_REQUEST_MAX, method, STUN_REQUEST, tid);
}

static bool
is_sha256(const struct turnc *c)
{
	return c->modern && c->has_sha256;
}

static void
put_identity(const struct turnc *c, struct pen *p)
{
	uint8_t hash[STUN_USERHASH_LEN];

	if (!is_sha256(c)) {
		stun_put(p, STUN_ATTR_USERNAME, c->user, strlen(c->user));
		return;
	}
	stun_userhash(hash, c->user, c->realm);
	stun_put(p, STUN_ATTR_USERHASH, hash, sizeof(hash));
	stun_put_algorithms(p);
	stun_put_algorithm(p, STUN_ALGORITHM_SHA256);
}

/* Signs when there is a nonce, adds FINGERPRINT, returns the length. */
static size_t
finish(const struct turnc *c, struct pen *p)
{
	if (c->nonce_len > 0) {
		put_identity(c, p);
		stun_put(p, STUN_ATTR_REALM, c->realm, strlen(c->realm));
		stun_put(p, STUN_ATTR_NONCE, c->nonce, c->nonce_len);
		if (is_sha256(c))
			stun_put_integrity256(p, &c->key);
		else
			stun_put_integrity(p, &c->key);
	}
	stun_put_fingerprint(p);
	return stun_msg_end(p);
}

/* Attributes whose first byte counts and whose other three are reserved. */
static void
put_byte(struct pen *p, uint16_t type, uint8_t value)
{
	stun_put_u32(p, type, (uint32_t)value << 24);
}

static void
put_peer(struct pen *p, const struct addr *peer)
{
	stun_put_xor_addr(p, STUN_ATTR_XOR_PEER_ADDRESS, peer,
	    p->start + STUN_HEADER_LEN - STUN_TID_LEN);
}

size_t
turnc_binding(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX])
{
	struct pen p;

	begin(c, &p, out, STUN_BINDING);
	stun_put_fingerprint(&p);
	return stun_msg_end(&p);
}

size_t
turnc_allocate(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX],
    const struct turnc_want *want)
{
	static const uint8_t reserve = 0x80;
	struct pen p;

	begin(c, &p, out, STUN_ALLOCATE);
	put_byte(&p, STUN_ATTR_REQUESTED_TRANSPORT,
	    want->transport != 0 ? want->transport : STUN_TRANSPORT_UDP);
	if (want->lifetime != 0)
		stun_put_u32(&p, STUN_ATTR_LIFETIME, want->lifetime);
	if (want->family != 0)
		put_byte(&p, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, want->family);
	if (want->even_port)
		stun_put(&p, STUN_ATTR_EVEN_PORT, &reserve, 1);
	if (want->dont_fragment)
		stun_put(&p, STUN_ATTR_DONT_FRAGMENT, NULL, 0);
	return finish(c, &p);
}

size_t
turnc_refresh(
    struct turnc *c, uint8_t out[TURNC_REQUEST_MAX], uint32_t lifetime)
{
	struct pen p;

	begin(c, &p, out, STUN_REFRESH);
	stun_put_u32(&p, STUN_ATTR_LIFETIME, lifetime);
	return finish(c, &p);
}

size_t
turnc_permission(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX],
    const struct addr *peers, unsigned count)
{
	struct pen p;

	assert(count <= TURNC_PEERS_MAX);
	begin(c, &p, out, STUN_CREATE_PERMISSION);
	for (unsigned i = 0; i < count; i++)
		put_peer(&p, &peers[i]);
	return finish(c, &p);
}

size_t
turnc_channel_bind(struct turnc *c, uint8_t out[TURNC_REQUEST_MAX],
    uint16_t number, const struct addr *peer)
{
	struct pen p;

	begin(c, &p, out, STUN_CHANNEL_BIND);
	stun_put_u32(&p, STUN_ATTR_CHANNEL_NUMBER, (uint32_t)number << 16);
	put_peer(&p, peer);
	return finish(c, &p);
}

size_t
turnc_send(struct turnc *c, uint8_t out[TURNC_SEND_MAX],
    const struct addr *peer, const void *data, size_t len)
{
	uint8_t tid[STUN_TID_LEN] = { 0 };
	struct pen p;

	/* an indication is never answered: its id need not be kept */
	memcpy(tid, &c->id, sizeof(c->id));
	stun_msg_begin(
	    &p, out, TURNC_SEND_MAX, STUN_SEND, STUN_INDICATION, tid);
	put_peer(&p, peer);
	stun_put(&p, STUN_ATTR_DATA, data, len);
	return stun_msg_end(&p);
}

static int
read_addr(struct addr *out, const struct stun_msg *m, uint16_t type)
{
	const struct stun_attr *a = stun_msg_find(m, type);

	return a == NULL ? 0 : stun_attr_xor_addr(out, m, a);
}

/* Is m an answer to this client?  Reads the serial it answers. */
static bool
is_ours(
    const struct turnc *c, struct turnc_answer *out, const struct stun_msg *m)
{
	struct cursor t;
	bool ours;

	cursor_init(&t, m->tid, STUN_TID_LEN);
	ours = cursor_u32(&t) == c->id;
	out->serial = (uint64_t)cursor_u32(&t) << 32;
	out->serial |= cursor_u32(&t);
	return ours && out->serial <= c->serial;
}

/* Takes over realm and nonce of a 401 or 438; false when they are missing
 * or too long. */
static bool
take_challenge(struct turnc *c, const struct stun_msg *m)
{
	const struct stun_attr *realm = stun_msg_find(m, STUN_ATTR_REALM);
	const struct stun_attr *nonce = stun_msg_find(m, STUN_ATTR_NONCE);

	if (realm == NULL || realm->len >= sizeof(c->realm) || nonce == NULL ||
	    nonce->len == 0 || nonce->len > sizeof(c->nonce))
		return false;
	memcpy(c->realm, realm->value, realm->len);
	c->realm[realm->len] = '\0';
	memcpy(c->nonce, nonce->value, nonce->len);
	c->nonce_len = nonce->len;
	c->has_sha256 = stun_msg_find(m, STUN_ATTR_PASSWORD_ALGORITHMS) != NULL;
	return stun_key_derive(&c->key,
		   is_sha256(c) ? STUN_ALGORITHM_SHA256 : STUN_ALGORITHM_MD5,
		   c->user, c->realm, c->password) == 0;
}

static int
read_error(struct turnc *c, struct turnc_answer *out, const struct stun_msg *m)
{
	const struct stun_attr *a = stun_msg_find(m, STUN_ATTR_ERROR_CODE);

	if (!is_ours(c, out, m) || a == NULL ||
	    stun_attr_error(&out->code, a) != 0)
		return EBADMSG;
	if (out->code == 401 || out->code == 438)
		out->may_retry = take_challenge(c, m);
	return 0;
}

static int
read_success(
    struct turnc *c, struct turnc_answer *out, const struct stun_msg *m)
{
	const struct stun_attr *a = stun_msg_find(m, STUN_ATTR_LIFETIME);

	if (!is_ours(c, out, m) ||
	    (a != NULL && stun_attr_u32(&out->lifetime, a) != 0) ||
	    read_addr(&out->relayed, m, STUN_ATTR_XOR_RELAYED_ADDRESS) != 0 ||
	    read_addr(&out->mapped, m, STUN_ATTR_XOR_MAPPED_ADDRESS) != 0)
		return EBADMSG;
	if (m->method == STUN_BINDING)
		return 0;
	return stun_integrity_ok(m, &c->key) || stun_integrity256_ok(m, &c->key)
	    ? 0
	    : EPERM;
}

static int
read_data(struct turnc_answer *out, const struct stun_msg *m)
{
	const struct stun_attr *data = stun_msg_find(m, STUN_ATTR_DATA);

	if (m->method != STUN_DATA || data == NULL ||
	    read_addr(&out->peer, m, STUN_ATTR_XOR_PEER_ADDRESS) != 0 ||
	    addr_is_none(&out->peer))
		return EBADMSG;
	out->data = data->value;
	out->data_len = data->len;
	return 0;
}

int
turnc_parse(
    struct turnc *c, struct turnc_answer *out, const uint8_t *data, size_t len)
{
	struct stun_msg m;

	memset(out, 0, sizeof(*out));
	if (stun_msg_parse(&m, data, len) != 0)
		return EBADMSG;
	out->method = m.method;
	out->class = m.class;
	switch (m.class) {
	case STUN_SUCCESS:
		return read_success(c, out, &m);
	case STUN_ERROR:
		return read_error(c, out, &m);
	case STUN_INDICATION:
		return read_data(out, &m);
	case STUN_REQUEST:
		break;
	}
	return EBADMSG;
}
