/*
 * msg: a STUN message as bytes (RFC 8489, sections 5 and 14).
 *
 * Pure: no sockets, no clock, no allocation.  Parsing copies nothing: a
 * stun_msg borrows the packet.  Building writes into the caller's buffer.
 */
#ifndef COMMON_STUN_MSG_H
#define COMMON_STUN_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/code.h"
#include "common/cursor.h"

enum {
	STUN_HEADER_LEN = 20,
	STUN_TID_LEN = 12,
	STUN_COOKIE = 0x2112A442,
	/* attributes honoured in one message: a CreatePermission of 12 bytes
	 * a peer fills an Ethernet packet with less */
	STUN_ATTRS_MAX = 128,
	STUN_UNKNOWN_MAX = 16, /* types listed in UNKNOWN-ATTRIBUTES */
};

/* RFC 8489, section 18.2; RFC 8656, section 17 */
enum stun_method {
	STUN_BINDING = 0x001,
	STUN_ALLOCATE = 0x003,
	STUN_REFRESH = 0x004,
	STUN_SEND = 0x006,
	STUN_DATA = 0x007,
	STUN_CREATE_PERMISSION = 0x008,
	STUN_CHANNEL_BIND = 0x009,
	STUN_CONNECT = 0x00a, /* RFC 6062 */
	STUN_CONNECTION_BIND = 0x00b,
	STUN_CONNECTION_ATTEMPT = 0x00c,
};

enum stun_class {
	STUN_REQUEST = 0,
	STUN_INDICATION = 1,
	STUN_SUCCESS = 2,
	STUN_ERROR = 3,
};

/* RFC 8489, section 18.3; RFC 8656, section 18; RFC 6062; RFC 8445 */
enum stun_attr_type {
	STUN_ATTR_MAPPED_ADDRESS = 0x0001,
	STUN_ATTR_USERNAME = 0x0006,
	STUN_ATTR_MESSAGE_INTEGRITY = 0x0008,
	STUN_ATTR_ERROR_CODE = 0x0009,
	STUN_ATTR_UNKNOWN_ATTRIBUTES = 0x000A,
	STUN_ATTR_CHANNEL_NUMBER = 0x000C,
	STUN_ATTR_LIFETIME = 0x000D,
	STUN_ATTR_XOR_PEER_ADDRESS = 0x0012,
	STUN_ATTR_DATA = 0x0013,
	STUN_ATTR_REALM = 0x0014,
	STUN_ATTR_NONCE = 0x0015,
	STUN_ATTR_XOR_RELAYED_ADDRESS = 0x0016,
	STUN_ATTR_REQUESTED_ADDRESS_FAMILY = 0x0017,
	STUN_ATTR_EVEN_PORT = 0x0018,
	STUN_ATTR_REQUESTED_TRANSPORT = 0x0019,
	STUN_ATTR_DONT_FRAGMENT = 0x001A,
	STUN_ATTR_MESSAGE_INTEGRITY_SHA256 = 0x001C,
	STUN_ATTR_PASSWORD_ALGORITHM = 0x001D,
	STUN_ATTR_USERHASH = 0x001E,
	STUN_ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	STUN_ATTR_RESERVATION_TOKEN = 0x0022,
	STUN_ATTR_PRIORITY = 0x0024,
	STUN_ATTR_USE_CANDIDATE = 0x0025,
	STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
	STUN_ATTR_ADDRESS_ERROR_CODE = 0x8001,
	STUN_ATTR_PASSWORD_ALGORITHMS = 0x8002,
	STUN_ATTR_ALTERNATE_DOMAIN = 0x8003,
	STUN_ATTR_ICMP = 0x8004,
	STUN_ATTR_SOFTWARE = 0x8022,
	STUN_ATTR_ALTERNATE_SERVER = 0x8023,
	STUN_ATTR_FINGERPRINT = 0x8028,
};

struct stun_attr {
	uint16_t type;
	uint16_t len;         /* of the value, without padding */
	const uint8_t *value; /* borrowed from the packet */
};

/*
 * A parsed message.  attrs holds, in their order, the attributes up to and
 * including the first MESSAGE-INTEGRITY(-SHA256); behind one only another
 * integrity (SHA256 after SHA1) and FINGERPRINT are kept, all else is
 * ignored (RFC 8489, section 14.5).
 */
struct stun_msg {
	const uint8_t *data; /* borrowed: the whole packet */
	size_t len;
	enum stun_method method;
	enum stun_class class;
	const uint8_t *tid; /* STUN_TID_LEN bytes */
	unsigned count;
	struct stun_attr attrs[STUN_ATTRS_MAX];
	const struct stun_attr *integrity;    /* SHA-1, or NULL */
	const struct stun_attr *integrity256; /* SHA-256, or NULL */
	const struct stun_attr *fingerprint;  /* last attribute, or NULL */
};

/* Do the first bytes look like STUN: top bits 00, cookie, length % 4 == 0?
 * len >= 8 is enough to ask. */
bool stun_msg_is(const uint8_t *data, size_t len);

/*
 * Parses exactly one message that fills data.  A FINGERPRINT that is there
 * is checked.  Returns 0 or EBADMSG (drop silently: not STUN, wrong length,
 * attribute over the end, too many attributes, wrong FINGERPRINT).
 */
MUST_CHECK int
stun_msg_parse(struct stun_msg *m, const uint8_t *data, size_t len);

/* First attribute of type, or NULL. */
const struct stun_attr *stun_msg_find(const struct stun_msg *m, uint16_t type);
/* The next of the same type behind prev (XOR-PEER-ADDRESS repeats). */
const struct stun_attr *
stun_msg_find_next(const struct stun_msg *m, const struct stun_attr *prev);

/* Lists comprehension-required types (< 0x8000) of m that are none of the
 * enum above; returns how many (at most STUN_UNKNOWN_MAX). */
unsigned
stun_msg_unknown(const struct stun_msg *m, uint16_t types[STUN_UNKNOWN_MAX]);

/*
 * Building: begin, attributes (attr.h, integrity.h), end.  The pen is sticky:
 * a message that did not fit is found by stun_msg_end.
 */
void
stun_msg_begin(struct pen *p, void *out, size_t size, enum stun_method method,
    enum stun_class class, const uint8_t tid[STUN_TID_LEN]);
/* Writes the header's length for what p holds now plus extra bytes. */
void stun_msg_set_length(struct pen *p, size_t extra);
/* Returns the message's length, 0 when it did not fit. */
MUST_CHECK size_t stun_msg_end(struct pen *p);

/* "Allocate", "CreatePermission"...; never NULL. */
const char *stun_method_name(enum stun_method method);

#endif
