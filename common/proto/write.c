/* write: the messages that go to nodes. */
#include "common/cursor.h"
#include "common/proto/proto.h"

#include <string.h>

/* ---- pieces */

static void
put(struct pen *p, const char *text)
{
	pen_bytes(p, text, strlen(text));
}

static void
put_number(struct pen *p, uint64_t value)
{
	char digits[20]; /* of 2^64 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	pen_bytes(p, digits + at, sizeof(digits) - at);
}

/* ,"id":3 where there is one. */
static void
put_id(struct pen *p, int64_t id)
{
	if (id < 0)
		return;
	put(p, ",\"id\":");
	put_number(p, (uint64_t)id);
}

/* member":"text" where text needs no escape. */
static void
put_plain(struct pen *p, const char *member, const char *text)
{
	put(p, member);
	put(p, text);
	pen_u8(p, '"');
}

/* The same for any text; what is not printable ASCII becomes '?'. */
static void
put_escaped(struct pen *p, const char *member, const char *text)
{
	put(p, member);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			pen_u8(p, '\\');
		pen_u8(p, (uint8_t)(*text < ' ' || *text > '~' ? '?' : *text));
	}
	pen_u8(p, '"');
}

static void
put_session(struct pen *p, const char *member, uint64_t session)
{
	char text[PROTO_SESSION_LEN + 1];

	proto_session_text(text, session);
	put_plain(p, member, text);
}

/* What was written; 0 when it did not fit. */
static size_t
ended(const struct pen *p)
{
	return p->bad ? 0 : pen_len(p);
}

/* ---- messages */

size_t
proto_write_welcome(char *out, size_t size, const struct proto_welcome *w)
{
	struct pen p;

	pen_init(&p, out, size);
	put_escaped(&p, "{\"type\":\"welcome\",\"node\":\"", w->node);
	put_escaped(&p, ",\"version\":\"", w->version);
	put(&p, ",\"features\":[");
	for (const char *const *f = w->features; *f != NULL; f++)
		put_plain(&p, f == w->features ? "\"" : ",\"", *f);
	put_plain(&p, "],\"challenge\":\"", w->challenge);
	put(&p, ",\"auth\":[");
	if (w->with_token)
		put(&p, w->with_anonymous ? "\"token\"," : "\"token\"");
	if (w->with_anonymous)
		put(&p, "\"anonymous\"");
	put(&p, "]}");
	return ended(&p);
}

size_t
proto_write_found(
    char *out, size_t size, int64_t id, const char *name, size_t sessions)
{
	struct pen p;

	pen_init(&p, out, size);
	put(&p, "{\"type\":\"found\"");
	put_id(&p, id);
	put_plain(&p, ",\"name\":\"", name);
	put(&p, sessions > 0 ? ",\"online\":true" : ",\"online\":false");
	put(&p, ",\"sessions\":");
	put_number(&p, sessions);
	put(&p, "}");
	return ended(&p);
}

size_t
proto_write_sent(char *out, size_t size, int64_t id)
{
	struct pen p;

	pen_init(&p, out, size);
	put(&p, "{\"type\":\"sent\"");
	put_id(&p, id);
	put(&p, "}");
	return ended(&p);
}

size_t
proto_write_seq(char out[PROTO_SEQ_MAX], uint64_t seq)
{
	struct pen p;

	pen_init(&p, out, PROTO_SEQ_MAX);
	put(&p, "{\"type\":\"message\",\"seq\":");
	put_number(&p, seq);
	put(&p, ",");
	return ended(&p);
}

size_t
proto_write_message(char *out, size_t size, const struct proto_delivery *d)
{
	struct pen p;

	pen_init(&p, out, size);
	put_plain(&p, "\"from\":\"", d->from);
	put_session(&p, ",\"session\":\"", d->session);
	put(&p, ",\"data\":");
	pen_bytes(&p, d->data.at, d->data.len);
	put(&p, "}");
	return ended(&p);
}

size_t
proto_write_presence(
    char *out, size_t size, const char *name, bool online, const char *room)
{
	struct pen p;

	pen_init(&p, out, size);
	put_plain(&p, "{\"type\":\"presence\",\"name\":\"", name);
	put(&p, online ? ",\"online\":true" : ",\"online\":false");
	if (room != NULL && room[0] != '\0')
		put_plain(&p, ",\"room\":\"", room);
	put(&p, "}");
	return ended(&p);
}

size_t
proto_write_stream(char *out, size_t size, int64_t id, const char *peer,
    uint64_t session, const char *ticket)
{
	struct pen p;

	pen_init(&p, out, size);
	put(&p, "{\"type\":\"stream\"");
	put_id(&p, id);
	put_plain(&p, ",\"peer\":\"", peer);
	put_session(&p, ",\"session\":\"", session);
	put_plain(&p, ",\"ticket\":\"", ticket);
	put_plain(&p, ",\"path\":\"/stream/", ticket);
	put(&p, "}");
	return ended(&p);
}

size_t
proto_write_pong(char *out, size_t size)
{
	struct pen p;

	pen_init(&p, out, size);
	put(&p, "{\"type\":\"pong\"}");
	return ended(&p);
}

size_t
proto_write_error(char *out, size_t size, int64_t id, enum proto_code code,
    const char *why, int64_t retry_after_ms)
{
	struct pen p;

	pen_init(&p, out, size);
	put(&p, "{\"type\":\"error\"");
	put_id(&p, id);
	put_plain(&p, ",\"code\":\"", proto_code_text(code));
	put_escaped(&p, ",\"message\":\"", why);
	put(&p, ",\"retry_after_ms\":");
	put_number(&p, retry_after_ms > 0 ? (uint64_t)retry_after_ms : 0);
	put(&p, "}");
	return ended(&p);
}
