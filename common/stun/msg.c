#include "common/stun/msg.h"

#include <errno.h>

#include "common/stun/attr.h"
#include "common/stun/integrity.h"

enum {
	TYPE_MASK = 0xC000, /* top bits of a message type are zero */
	ATTR_HEADER_LEN = 4,
	FINGERPRINT_LEN = 4,
	OPTIONAL_MIN = 0x8000, /* comprehension-optional from here */
	LENGTH_AT = 2,
};

static uint16_t
read_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
read_u32(const uint8_t *p)
{
	return (uint32_t)read_u16(p) << 16 | read_u16(p + 2);
}

/*
 * RFC 8489, section 5:
 *	 2 3 4 5 6 | 7  | 8 9 10 | 11 | 12 13 14 15
 *	 M11 .. M7 | C1 | M6..M4 | C0 | M3   ..  M0
 */
static unsigned
method_of(unsigned type)
{
	return (type & 0x3E00) >> 2 | (type & 0x00E0) >> 1 | (type & 0x000F);
}

static unsigned
class_of(unsigned type)
{
	return (type & 0x0100) >> 7 | (type & 0x0010) >> 4;
}

static uint16_t
type_of(unsigned method, unsigned class)
{
	return (uint16_t)((method & 0xF80) << 2 | (method & 0x070) << 1 |
	    (method & 0x00F) | (class & 2) << 7 | (class & 1) << 4);
}

bool
stun_msg_is(const uint8_t *data, size_t len)
{
	return len >= 8 && (read_u16(data) & TYPE_MASK) == 0 &&
	    read_u16(data + LENGTH_AT) % STUN_PADDING == 0 &&
	    read_u32(data + 4) == STUN_COOKIE;
}

/* Behind an integrity only SHA256 (once, after SHA1) and FINGERPRINT count. */
static bool
is_honoured(const struct stun_msg *m, uint16_t type)
{
	if (m->integrity == NULL && m->integrity256 == NULL)
		return true;
	return type == STUN_ATTR_FINGERPRINT ||
	    (type == STUN_ATTR_MESSAGE_INTEGRITY_SHA256 &&
		m->integrity256 == NULL);
}

static int
keep(struct stun_msg *m, const struct stun_attr *a)
{
	if (!is_honoured(m, a->type))
		return 0;
	if (m->count == STUN_ATTRS_MAX)
		return EBADMSG;
	m->attrs[m->count] = *a;
	switch (a->type) {
	case STUN_ATTR_MESSAGE_INTEGRITY:
		m->integrity = &m->attrs[m->count];
		break;
	case STUN_ATTR_MESSAGE_INTEGRITY_SHA256:
		m->integrity256 = &m->attrs[m->count];
		break;
	case STUN_ATTR_FINGERPRINT:
		m->fingerprint = &m->attrs[m->count];
		break;
	}
	m->count++;
	return 0;
}

static int
read_attr(struct stun_attr *a, struct cursor *c)
{
	a->type = cursor_u16(c);
	a->len = cursor_u16(c);
	a->value = cursor_bytes(c, stun_padded(a->len));
	return c->bad ? EBADMSG : 0;
}

static bool
is_fingerprint_right(const struct stun_msg *m)
{
	const struct stun_attr *a = m->fingerprint;
	const size_t covered = m->len - ATTR_HEADER_LEN - FINGERPRINT_LEN;

	return a->len == FINGERPRINT_LEN &&
	    a->value + FINGERPRINT_LEN == m->data + m->len &&
	    read_u32(a->value) ==
	    (stun_crc32(m->data, covered) ^ STUN_FINGERPRINT_XOR);
}

static int
read_attrs(struct stun_msg *m)
{
	struct stun_attr a;
	struct cursor c;
	int rc;

	cursor_init(&c, m->data + STUN_HEADER_LEN, m->len - STUN_HEADER_LEN);
	while (cursor_left(&c) > 0) {
		if ((rc = read_attr(&a, &c)) != 0 || (rc = keep(m, &a)) != 0)
			return rc;
		/* nothing may follow a FINGERPRINT (section 14.7) */
		if (m->fingerprint != NULL)
			return is_fingerprint_right(m) ? 0 : EBADMSG;
	}
	return 0;
}

int
stun_msg_parse(struct stun_msg *m, const uint8_t *data, size_t len)
{
	unsigned type;

	if (len < STUN_HEADER_LEN || !stun_msg_is(data, len) ||
	    (size_t)read_u16(data + LENGTH_AT) + STUN_HEADER_LEN != len)
		return EBADMSG;
	type = read_u16(data);
	m->data = data;
	m->len = len;
	m->method = (enum stun_method)method_of(type);
	m->class = (enum stun_class)class_of(type);
	m->tid = data + STUN_HEADER_LEN - STUN_TID_LEN;
	m->count = 0;
	m->integrity = m->integrity256 = m->fingerprint = NULL;
	return read_attrs(m);
}

static const struct stun_attr *
find_from(const struct stun_msg *m, unsigned i, uint16_t type)
{
	for (; i < m->count; i++)
		if (m->attrs[i].type == type)
			return &m->attrs[i];
	return NULL;
}

const struct stun_attr *
stun_msg_find(const struct stun_msg *m, uint16_t type)
{
	return find_from(m, 0, type);
}

const struct stun_attr *
stun_msg_find_next(const struct stun_msg *m, const struct stun_attr *prev)
{
	return find_from(m, (unsigned)(prev - m->attrs) + 1, prev->type);
}

static bool
is_known(uint16_t type)
{
	switch (type) {
	case STUN_ATTR_MAPPED_ADDRESS:
	case STUN_ATTR_USERNAME:
	case STUN_ATTR_MESSAGE_INTEGRITY:
	case STUN_ATTR_ERROR_CODE:
	case STUN_ATTR_UNKNOWN_ATTRIBUTES:
	case STUN_ATTR_CHANNEL_NUMBER:
	case STUN_ATTR_LIFETIME:
	case STUN_ATTR_XOR_PEER_ADDRESS:
	case STUN_ATTR_DATA:
	case STUN_ATTR_REALM:
	case STUN_ATTR_NONCE:
	case STUN_ATTR_XOR_RELAYED_ADDRESS:
	case STUN_ATTR_REQUESTED_ADDRESS_FAMILY:
	case STUN_ATTR_EVEN_PORT:
	case STUN_ATTR_REQUESTED_TRANSPORT:
	case STUN_ATTR_DONT_FRAGMENT:
	case STUN_ATTR_MESSAGE_INTEGRITY_SHA256:
	case STUN_ATTR_PASSWORD_ALGORITHM:
	case STUN_ATTR_USERHASH:
	case STUN_ATTR_XOR_MAPPED_ADDRESS:
	case STUN_ATTR_RESERVATION_TOKEN:
	case STUN_ATTR_PRIORITY:
	case STUN_ATTR_USE_CANDIDATE:
		return true;
	}
	return type >= OPTIONAL_MIN;
}

static bool
has_type(const uint16_t *types, unsigned count, uint16_t type)
{
	while (count > 0)
		if (types[--count] == type)
			return true;
	return false;
}

unsigned
stun_msg_unknown(const struct stun_msg *m, uint16_t types[STUN_UNKNOWN_MAX])
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->count && n < STUN_UNKNOWN_MAX; i++) {
		const uint16_t type = m->attrs[i].type;

		/* each once: a repeated type must not grow the answer */
		if (!is_known(type) && !has_type(types, n, type))
			types[n++] = type;
	}
	return n;
}

void
stun_msg_begin(struct pen *p, void *out, size_t size, enum stun_method method,
    enum stun_class class, const uint8_t tid[STUN_TID_LEN])
{
	pen_init(p, out, size);
	pen_u16(p, type_of(method, class));
	pen_u16(p, 0);
	pen_u32(p, STUN_COOKIE);
	pen_bytes(p, tid, STUN_TID_LEN);
}

void
stun_msg_set_length(struct pen *p, size_t extra)
{
	const size_t len = pen_len(p) - STUN_HEADER_LEN + extra;

	if (p->bad || len > UINT16_MAX) {
		p->bad = true;
		return;
	}
	p->start[LENGTH_AT] = (uint8_t)(len >> 8);
	p->start[LENGTH_AT + 1] = (uint8_t)len;
}

size_t
stun_msg_end(struct pen *p)
{
	stun_msg_set_length(p, 0);
	return p->bad ? 0 : pen_len(p);
}

const char *
stun_method_name(enum stun_method method)
{
	switch (method) {
	case STUN_BINDING:
		return "Binding";
	case STUN_ALLOCATE:
		return "Allocate";
	case STUN_REFRESH:
		return "Refresh";
	case STUN_SEND:
		return "Send";
	case STUN_DATA:
		return "Data";
	case STUN_CREATE_PERMISSION:
		return "CreatePermission";
	case STUN_CHANNEL_BIND:
		return "ChannelBind";
	case STUN_CONNECT:
		return "Connect";
	case STUN_CONNECTION_BIND:
		return "ConnectionBind";
	case STUN_CONNECTION_ATTEMPT:
		return "ConnectionAttempt";
	}
	return "unknown";
}
