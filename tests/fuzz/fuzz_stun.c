/* fuzz: a STUN packet.  Whatever parses must survive every reader and, put
 * together again attribute by attribute, parse to the same attributes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/stun/integrity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = STUN_HEADER_LEN + UINT16_MAX };

static void
read_all(const struct stun_msg *m, const struct stun_attr *a)
{
	struct addr addr;
	uint32_t u32;
	uint16_t u16;
	uint8_t u8;
	bool yes;
	int code;

	if (stun_attr_xor_addr(&addr, m, a) == 0)
		assert(!addr_is_none(&addr));
	if (stun_attr_error(&code, a) == 0)
		assert(code >= CODE_STUN_MIN && code <= CODE_STUN_MAX);
	(void)!stun_attr_u32(&u32, a);
	(void)!stun_attr_channel(&u16, a);
	(void)!stun_attr_transport(&u8, a);
	(void)!stun_attr_family(&u8, a);
	(void)!stun_attr_even_port(&yes, a);
	(void)!stun_attr_algorithm(&u16, a);
	(void)stun_attr_is_algorithms(a);
	for (unsigned n = 0; (a = stun_msg_find_next(m, a)) != NULL; n++)
		assert(n < m->count);
}

/* Addresses take the way through their reader and their writer. */
static void
put_attr(struct pen *p, const struct stun_msg *m, const struct stun_attr *a)
{
	struct addr addr;

	if (a->type == STUN_ATTR_FINGERPRINT)
		stun_put_fingerprint(p);
	else if (stun_attr_xor_addr(&addr, m, a) == 0)
		stun_put_xor_addr(p, a->type, &addr, m->tid);
	else
		stun_put(p, a->type, a->value, a->len);
}

static void
check_equal(const struct stun_msg *a, const struct stun_msg *b)
{
	assert(a->method == b->method && a->class == b->class);
	assert(memcmp(a->tid, b->tid, STUN_TID_LEN) == 0);
	assert(a->count == b->count);
	assert((a->integrity == NULL) == (b->integrity == NULL));
	assert((a->integrity256 == NULL) == (b->integrity256 == NULL));
	for (unsigned i = 0; i < a->count; i++) {
		assert(a->attrs[i].type == b->attrs[i].type);
		assert(a->attrs[i].len == b->attrs[i].len);
		if (a->attrs[i].type == STUN_ATTR_FINGERPRINT ||
		    a->attrs[i].len < 2)
			continue;
		/* an address's first byte is reserved, written as zero */
		assert(memcmp(a->attrs[i].value + 1, b->attrs[i].value + 1,
			   a->attrs[i].len - 1u) == 0);
	}
}

static void
check_rebuilt(const struct stun_msg *m)
{
	static uint8_t out[ROOM];
	struct stun_msg again;
	struct pen p;
	size_t len;

	stun_msg_begin(&p, out, sizeof(out), m->method, m->class, m->tid);
	for (unsigned i = 0; i < m->count; i++)
		put_attr(&p, m, &m->attrs[i]);
	len = stun_msg_end(&p);
	assert(len >= STUN_HEADER_LEN && len <= m->len);
	if (stun_msg_parse(&again, out, len) != 0)
		abort();
	check_equal(m, &again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stun_key key = { "key", 3 };
	uint16_t unknown[STUN_UNKNOWN_MAX];
	struct stun_msg m;

	if (stun_msg_parse(&m, data, size) != 0)
		return 0;
	assert(stun_msg_is(data, size));
	assert(stun_msg_unknown(&m, unknown) <= STUN_UNKNOWN_MAX);
	for (unsigned i = 0; i < m.count; i++) {
		assert(m.attrs[i].value + m.attrs[i].len <= data + size);
		read_all(&m, &m.attrs[i]);
	}
	(void)stun_integrity_ok(&m, &key);
	(void)stun_integrity256_ok(&m, &key);
	check_rebuilt(&m);
	return 0;
}
