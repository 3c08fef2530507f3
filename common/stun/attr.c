#include "common/stun/attr.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	ADDR_HEAD_LEN = 4, /* zero, family, port */
	IPV4_LEN = 4,
	IPV6_LEN = 16,
	ERROR_HEAD_LEN = 4,
	ERROR_CLASS_MASK = 0x07,
	ERROR_CLASS_MIN = CODE_STUN_MIN / 100,
	ERROR_CLASS_MAX = CODE_STUN_MAX / 100,
	REASON_MAX = 127, /* characters; RFC 8489, section 14.8 */
	EVEN_PORT_RESERVE = 0x80,
};

/* What an address is xored with: cookie, then transaction id. */
struct mask {
	uint8_t bytes[IPV6_LEN];
};

/* PASSWORD-ALGORITHMS: SHA-256 then MD5, both without parameters */
static const uint8_t algorithms[] = { 0, STUN_ALGORITHM_SHA256, 0, 0, 0,
	STUN_ALGORITHM_MD5, 0, 0 };

static struct mask
make_mask(const uint8_t tid[STUN_TID_LEN])
{
	struct mask m = { { 0x21, 0x12, 0xA4, 0x42 } };

	memcpy(m.bytes + 4, tid, STUN_TID_LEN);
	return m;
}

int
stun_attr_u32(uint32_t *out, const struct stun_attr *a)
{
	struct cursor c;

	if (a->len != 4)
		return EBADMSG;
	cursor_init(&c, a->value, a->len);
	*out = cursor_u32(&c);
	return 0;
}

/* Length of a host of family, 0 when there is no such family. */
static size_t
host_len(uint8_t family)
{
	switch (family) {
	case STUN_FAMILY_IPV4:
		return IPV4_LEN;
	case STUN_FAMILY_IPV6:
		return IPV6_LEN;
	}
	return 0;
}

int
stun_attr_xor_addr(
    struct addr *out, const struct stun_msg *m, const struct stun_attr *a)
{
	const struct mask mask = make_mask(m->tid);
	uint8_t host[IPV6_LEN];
	uint16_t port;
	size_t len;

	if (a->len < ADDR_HEAD_LEN || (len = host_len(a->value[1])) == 0 ||
	    a->len != ADDR_HEAD_LEN + len)
		return EBADMSG;
	port = (uint16_t)((a->value[2] ^ mask.bytes[0]) << 8 |
	    (a->value[3] ^ mask.bytes[1]));
	for (size_t i = 0; i < len; i++)
		host[i] = a->value[ADDR_HEAD_LEN + i] ^ mask.bytes[i];
	addr_make(out, host, len, port);
	return 0;
}

int
stun_attr_channel(uint16_t *out, const struct stun_attr *a)
{
	if (a->len != 4)
		return EBADMSG;
	*out = (uint16_t)(a->value[0] << 8 | a->value[1]);
	return 0;
}

/* One byte that counts and three that are reserved. */
static int
read_first_of_four(uint8_t *out, const struct stun_attr *a)
{
	if (a->len != 4)
		return EBADMSG;
	*out = a->value[0];
	return 0;
}

int
stun_attr_transport(uint8_t *out, const struct stun_attr *a)
{
	return read_first_of_four(out, a);
}

int
stun_attr_family(uint8_t *out, const struct stun_attr *a)
{
	return read_first_of_four(out, a);
}

int
stun_attr_even_port(bool *reserve, const struct stun_attr *a)
{
	if (a->len != 1)
		return EBADMSG;
	*reserve = (a->value[0] & EVEN_PORT_RESERVE) != 0;
	return 0;
}

int
stun_attr_error(int *code, const struct stun_attr *a)
{
	int class, number;

	if (a->len < ERROR_HEAD_LEN)
		return EBADMSG;
	class = a->value[2] & ERROR_CLASS_MASK;
	number = a->value[3];
	if (class < ERROR_CLASS_MIN || class > ERROR_CLASS_MAX || number > 99)
		return EBADMSG;
	*code = class * 100 + number;
	return 0;
}

int
stun_attr_algorithm(uint16_t *out, const struct stun_attr *a)
{
	if (a->len != 4 || a->value[2] != 0 || a->value[3] != 0)
		return EBADMSG;
	*out = (uint16_t)(a->value[0] << 8 | a->value[1]);
	return 0;
}

bool
stun_attr_is_algorithms(const struct stun_attr *a)
{
	return a->type == STUN_ATTR_PASSWORD_ALGORITHMS &&
	    a->len == sizeof(algorithms) &&
	    memcmp(a->value, algorithms, sizeof(algorithms)) == 0;
}

static void
put_head(struct pen *p, uint16_t type, size_t len)
{
	if (len > UINT16_MAX)
		p->bad = true;
	pen_u16(p, type);
	pen_u16(p, (uint16_t)len);
}

/* Padding is written, and as zeroes: what the buffer held before must not
 * leave the machine (CVE-2020-4067). */
static void
put_padding(struct pen *p, size_t len)
{
	static const uint8_t zeroes[STUN_PADDING];

	pen_bytes(p, zeroes, stun_padded(len) - len);
}

void
stun_put(struct pen *p, uint16_t type, const void *value, size_t len)
{
	put_head(p, type, len);
	pen_bytes(p, value, len);
	put_padding(p, len);
}

void
stun_put_u32(struct pen *p, uint16_t type, uint32_t value)
{
	put_head(p, type, sizeof(value));
	pen_u32(p, value);
}

static void
put_masked(
    struct pen *p, uint16_t type, const struct addr *a, const struct mask *mask)
{
	const uint16_t port = addr_port(a);
	const uint8_t *host;
	uint8_t *room;
	size_t len;

	host = addr_host(a, &len);
	put_head(p, type, ADDR_HEAD_LEN + len);
	if ((room = pen_room(p, ADDR_HEAD_LEN + len)) == NULL)
		return;
	room[0] = 0;
	room[1] = len == IPV6_LEN ? STUN_FAMILY_IPV6 : STUN_FAMILY_IPV4;
	room[2] = (uint8_t)(port >> 8) ^ mask->bytes[0];
	room[3] = (uint8_t)port ^ mask->bytes[1];
	for (size_t i = 0; i < len; i++)
		room[ADDR_HEAD_LEN + i] = host[i] ^ mask->bytes[i];
}

void
stun_put_xor_addr(struct pen *p, uint16_t type, const struct addr *a,
    const uint8_t tid[STUN_TID_LEN])
{
	const struct mask mask = make_mask(tid);

	put_masked(p, type, a, &mask);
}

void
stun_put_addr(struct pen *p, uint16_t type, const struct addr *a)
{
	static const struct mask none;

	put_masked(p, type, a, &none);
}

/* ERROR-CODE and ADDRESS-ERROR-CODE differ in their first byte only. */
static void
put_error(struct pen *p, uint16_t type, uint8_t first, int code)
{
	const char *reason = code_text(code);
	const size_t len = strnlen(reason, REASON_MAX);

	assert(code >= CODE_STUN_MIN && code <= CODE_STUN_MAX);
	put_head(p, type, ERROR_HEAD_LEN + len);
	pen_u8(p, first);
	pen_u8(p, 0);
	pen_u8(p, (uint8_t)(code / 100));
	pen_u8(p, (uint8_t)(code % 100));
	pen_bytes(p, reason, len);
	put_padding(p, len);
}

void
stun_put_error(struct pen *p, int code)
{
	put_error(p, STUN_ATTR_ERROR_CODE, 0, code);
}

void
stun_put_address_error(struct pen *p, uint8_t family, int code)
{
	put_error(p, STUN_ATTR_ADDRESS_ERROR_CODE, family, code);
}

void
stun_put_unknown(struct pen *p, const uint16_t *types, unsigned count)
{
	const size_t len = (size_t)count * sizeof(*types);

	put_head(p, STUN_ATTR_UNKNOWN_ATTRIBUTES, len);
	for (unsigned i = 0; i < count; i++)
		pen_u16(p, types[i]);
	put_padding(p, len);
}

void
stun_put_algorithms(struct pen *p)
{
	stun_put(
	    p, STUN_ATTR_PASSWORD_ALGORITHMS, algorithms, sizeof(algorithms));
}

void
stun_put_algorithm(struct pen *p, uint16_t algorithm)
{
	stun_put_u32(
	    p, STUN_ATTR_PASSWORD_ALGORITHM, (uint32_t)algorithm << 16);
}
