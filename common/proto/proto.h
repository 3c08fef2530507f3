/*
 * proto: `supernode.v1`, the messages of signalling, as DESIGN section 6 and
 * docs/PROTOCOL.md have them.  Pure: text in, struct out, and back.
 *
 * Reading is strict: one JSON object, no duplicate keys anywhere, depth and
 * numbers bounded, known types and members with the right types only where
 * they are asked for; unknown members are ignored (later versions).  `data` is
 * never looked into: it is a slice of the text that came.
 */
#ifndef COMMON_PROTO_PROTO_H
#define COMMON_PROTO_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/code.h"

enum {
	PROTO_DEPTH_MAX = 32,
	PROTO_NAME_MAX = 255,
	PROTO_NAMES_MAX = 64, /* in one watch, or listed */
	PROTO_TOKEN_MAX = 8 * 1024,
	PROTO_ROOM_MAX = 64,
	PROTO_SESSION_LEN = 16, /* hex digits */
	PROTO_GUEST_MAX = 32,   /* behind "guest-" */
	PROTO_PROOF_MAX = 256,  /* 86 of base64url today */
	PROTO_RESUME_MAX = 128, /* "<session>.<secret>" */
};
#define PROTO_ID_MAX (INT64_C(1) << 53) /* what JavaScript counts exactly */
struct json_t;

/* A piece of the text that was read; not terminated. */
struct proto_slice {
	const char *at;
	size_t len;
};

enum proto_type {
	PROTO_HELLO,
	PROTO_FIND,
	PROTO_SEND,
	PROTO_WATCH,
	PROTO_UNWATCH,
	PROTO_STREAM,
	PROTO_PING, /* {"type":"ping"} -> {"type":"pong"}: for browsers, which
		     * cannot send WebSocket pings */
	PROTO_BYE,
};

/* Codes of {"type":"error"}.  X(id, text) */
#define PROTO_CODES(X)                        \
	X(BAD_MESSAGE, "bad-message")         \
	X(AUTH_FAILED, "auth-failed")         \
	X(TOKEN_EXPIRED, "token-expired")     \
	X(FORBIDDEN, "forbidden")             \
	X(NAME_TAKEN, "name-taken")           \
	X(PEER_OFFLINE, "peer-offline")       \
	X(TOO_LARGE, "too-large")             \
	X(RATE_LIMITED, "rate-limited")       \
	X(RELAY_OFF, "relay-off")             \
	X(QUOTA_EXHAUSTED, "quota-exhausted") \
	X(DRAINING, "draining")               \
	X(INTERNAL, "internal")
#define PROTO_CODE_ENUM(id, text) PROTO_##id,
enum proto_code { PROTO_CODES(PROTO_CODE_ENUM) PROTO_CODE_COUNT };
const char *proto_code_text(enum proto_code code);

/* Close codes (RFC 6455, section 7.4, and our own). */
enum proto_close {
	PROTO_CLOSE_NORMAL = 1000,
	PROTO_CLOSE_DRAIN = 1001,
	PROTO_CLOSE_POLICY = 1008,
	PROTO_CLOSE_TOO_BIG = 1009,
	PROTO_CLOSE_TRY_LATER = 1013,
	PROTO_CLOSE_PROTOCOL = 4000,
	PROTO_CLOSE_AUTH = 4001,
	PROTO_CLOSE_EXPIRED = 4002,
	PROTO_CLOSE_HELLO_TIMEOUT = 4008,
	PROTO_CLOSE_REPLACED = 4009,
	PROTO_CLOSE_RATE = 4029,
	PROTO_CLOSE_QUOTA = 4030,
};

enum proto_presence { PROTO_EVERYONE, PROTO_LISTED, PROTO_NOBODY };

/* What came.  Strings are terminated and belong to the message; absent ones
 * are "" (or NULL where said). */
struct proto_message {
	enum proto_type type;
	bool has_id;
	int64_t id; /* 0..PROTO_ID_MAX; -1 without */
	union {
		struct {
			const char *token; /* NULL: none; not empty */
			const char *name;  /* NULL: none; a name */
			const char *proof; /* "" none */
			/* the JWK that proof is by; NULL: none */
			const struct json_t *key;
			const char *resume; /* "" none */
			bool has_last;
			int64_t last;
			enum proto_presence presence;
			const char *listed[PROTO_NAMES_MAX];
			size_t listed_count;
			const char *room; /* "" none */
		} hello;
		struct {
			const char *name;
		} find;
		struct {
			const char *to;
			uint64_t session; /* 0: all */
			struct proto_slice data;
			char name[PROTO_NAME_MAX + 1]; /* to, or unused */
		} send;
		struct {
			const char *names[PROTO_NAMES_MAX];
			size_t count;
		} watch; /* and unwatch */
		struct {
			const char *to;
			uint64_t session;
		} stream;
	};
	void *json; /* what the strings live in */
};

/* Why a text is no message: the id is kept when it could be read. */
struct proto_error {
	bool has_id; /* else id is -1, as the writers want it */
	int64_t id;
	const char *why; /* static sentence */
};

/* Reads len bytes of text (valid UTF-8).  Returns 0: out is closed by
 * proto_close_message; or EBADMSG with e, or ENOMEM. */
MUST_CHECK int proto_read(struct proto_message *out, const char *text,
    size_t len, struct proto_error *e);
void proto_close_message(struct proto_message *m);

/* Names: 1..255 bytes of printable ASCII without blank, '"' and '\\'. */
bool proto_is_name(const char *name, size_t len);
/* "guest-" and 1..32 of [A-Za-z0-9._-]. */
bool proto_is_guest(const char *name, size_t len);
bool proto_is_room(const char *room, size_t len);

/*
 * Writing.  Each writes one message into out and returns its length, without
 * a NUL; 0: it does not fit into size.  Names are as proto_is_name allows,
 * so they need no escape; why is escaped.  id < 0: none.
 */
struct proto_welcome {
	const char *node; /* escaped, as version is */
	const char *version;
	const char *const *features; /* ends with NULL */
	const char *challenge;       /* base64url */
	bool with_token, with_anonymous;
};
size_t
proto_write_welcome(char *out, size_t size, const struct proto_welcome *w);
size_t proto_write_found(
    char *out, size_t size, int64_t id, const char *name, size_t sessions);
size_t proto_write_sent(char *out, size_t size, int64_t id);
/*
 * A message is a head of each receiver and a tail that all share, which
 * together are one text and go out as one:
 *
 *	{"type":"message","seq":17,	proto_write_seq
 *	"from":"alice","session":"...","data":...}	proto_write_message
 *
 * from, session: the sender; data verbatim.
 */
enum { PROTO_SEQ_MAX = 48 }; /* 25 of text + 20 digits, rounded up */
struct proto_delivery {
	const char *from;
	uint64_t session;
	struct proto_slice data;
};
size_t
proto_write_message(char *out, size_t size, const struct proto_delivery *d);
size_t proto_write_seq(char out[PROTO_SEQ_MAX], uint64_t seq);
size_t proto_write_presence(
    char *out, size_t size, const char *name, bool online, const char *room);
size_t proto_write_stream(char *out, size_t size, int64_t id, const char *peer,
    uint64_t session, const char *ticket);
size_t proto_write_pong(char *out, size_t size);
size_t proto_write_error(char *out, size_t size, int64_t id,
    enum proto_code code, const char *why, int64_t retry_after_ms);

/* 16 hex digits; never 0. */
void proto_session_text(char out[PROTO_SESSION_LEN + 1], uint64_t session);
bool proto_session_parse(uint64_t *out, const char *text, size_t len);

#endif
