#include "common/proto/proto.h"

#include <errno.h>
#include <string.h>

#include "common/hex.h"
#include "common/json.h"
#include "common/json_scan.h"

const char *
proto_code_text(enum proto_code code)
{
#define CODE_TEXT(id, text) text,
	static const char *const texts[] = { PROTO_CODES(CODE_TEXT) };

	return texts[code];
}

/* ---- names */

bool
proto_is_name(const char *name, size_t len)
{
	if (len < 1 || len > PROTO_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' ||
		    name[i] == '\\')
			return false;
	return true;
}

/* 1..max of [A-Za-z0-9._-]? */
static bool
is_word(const char *text, size_t len, size_t max)
{
	if (len < 1 || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		const char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

bool
proto_is_guest(const char *name, size_t len)
{
	static const char prefix[] = "guest-";
	const size_t skip = sizeof(prefix) - 1;

	return len > skip && memcmp(name, prefix, skip) == 0 &&
	    is_word(name + skip, len - skip, PROTO_GUEST_MAX);
}

bool
proto_is_room(const char *room, size_t len)
{
	return is_word(room, len, PROTO_ROOM_MAX);
}

void
proto_session_text(char out[PROTO_SESSION_LEN + 1], uint64_t session)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = PROTO_SESSION_LEN - 1; i >= 0; i--) {
		out[i] = digits[session & 15];
		session >>= 4;
	}
	out[PROTO_SESSION_LEN] = '\0';
}

bool
proto_session_parse(uint64_t *out, const char *text, size_t len)
{
	uint8_t bytes[PROTO_SESSION_LEN / 2];
	uint64_t session = 0;

	if (len != PROTO_SESSION_LEN ||
	    hex_read(bytes, sizeof(bytes), text) != 0)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		session = session << 8 | bytes[i];
	if (session == 0)
		return false;
	*out = session;
	return true;
}

/* ---- members: read with a sticky error, why is looked at once */

struct reader {
	const json_t *root;
	const char *why; /* NULL: nothing is wrong so far */
};

static void
spoil(struct reader *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
}

/* A string of 1..max bytes, absent where there is none. */
static const char *
read_text(struct reader *r, const char *member, size_t max, const char *why)
{
	const json_t *value = json_object_get(r->root, member);
	const char *text = json_text(value, 1, max);

	if (value != NULL && text == NULL)
		spoil(r, why);
	return text;
}

static const char *
text_or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static bool
is_name_value(const json_t *value)
{
	return json_is_string(value) &&
	    proto_is_name(json_string_value(value), json_string_length(value));
}

/* A name; NULL where there is none. */
static const char *
read_name(struct reader *r, const char *member, const char *why)
{
	const json_t *value = json_object_get(r->root, member);

	if (value == NULL)
		return NULL;
	if (!is_name_value(value))
		spoil(r, why);
	return json_string_value(value);
}

/* A name that must be there. */
static const char *
need_name(struct reader *r, const char *member, const char *why)
{
	const char *name = read_name(r, member, why);

	if (name == NULL)
		spoil(r, why);
	return name;
}

/* An array of 1..PROTO_NAMES_MAX names, which must be there. */
static size_t
need_names(
    struct reader *r, const char *member, const char **out, const char *why)
{
	const json_t *list = json_object_get(r->root, member), *value;
	const size_t count = json_array_size(list); /* of no array: 0 */
	size_t i;

	if (count < 1 || count > PROTO_NAMES_MAX) {
		spoil(r, why);
		return 0;
	}
	json_array_foreach((json_t *)(uintptr_t)list, i, value)
	{
		if (!is_name_value(value))
			spoil(r, why);
		out[i] = json_string_value(value);
	}
	return count;
}

/* A whole number of 0..PROTO_ID_MAX. */
static bool
read_number(struct reader *r, const char *member, int64_t *out, const char *why)
{
	const json_t *value = json_object_get(r->root, member);

	if (value == NULL)
		return false;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > PROTO_ID_MAX) {
		spoil(r, why);
		return false;
	}
	*out = json_integer_value(value);
	return true;
}

/* A session; 0 where there is none. */
static uint64_t
read_session(struct reader *r)
{
	const json_t *value = json_object_get(r->root, "session");
	uint64_t session = 0;

	if (value != NULL &&
	    (!json_is_string(value) ||
		!proto_session_parse(&session, json_string_value(value),
		    json_string_length(value))))
		spoil(r, "session is not 16 hex digits");
	return session;
}

/* ---- messages */

static void
read_presence(struct reader *r, struct proto_message *m)
{
	static const char *const words[] = {
		[PROTO_EVERYONE] = "everyone",
		[PROTO_LISTED] = "listed",
		[PROTO_NOBODY] = "nobody",
	};
	const json_t *value = json_object_get(r->root, "presence");
	const char *word = json_string_value(value);
	unsigned p = PROTO_EVERYONE;

	if (value == NULL)
		return;
	while (word != NULL && p <= PROTO_NOBODY && strcmp(word, words[p]) != 0)
		p++;
	if (word == NULL || p > PROTO_NOBODY) {
		spoil(r, "presence is not everyone, listed or nobody");
		return;
	}
	m->hello.presence = p;
	if (p == PROTO_LISTED)
		m->hello.listed_count = need_names(r, "listed", m->hello.listed,
		    "listed is no array of 1 to 64 names");
}

static void
read_hello(struct reader *r, struct proto_message *m)
{
	const char *room;

	m->hello.token = read_text(
	    r, "token", PROTO_TOKEN_MAX, "token is no string of 1 to 8192");
	m->hello.name = read_name(r, "name", "name is no name");
	m->hello.proof = text_or_empty(read_text(
	    r, "proof", PROTO_PROOF_MAX, "proof is no string of 1 to 256"));
	m->hello.resume = text_or_empty(read_text(
	    r, "resume", PROTO_RESUME_MAX, "resume is no string of 1 to 128"));
	m->hello.has_last = read_number(
	    r, "last", &m->hello.last, "last is no number of 0 to 2^53");
	m->hello.key = json_object_get(r->root, "key");
	if (m->hello.key != NULL && !json_is_object(m->hello.key))
		spoil(r, "key is no object");
	read_presence(r, m);
	room = read_text(r, "room", PROTO_ROOM_MAX, "room is no room");
	if (room != NULL && !proto_is_room(room, strlen(room)))
		spoil(r, "room is no room");
	m->hello.room = text_or_empty(room);
}

static void
read_find(struct reader *r, struct proto_message *m)
{
	m->find.name = need_name(r, "name", "name is no name");
}

/* data is found in the text later, when all else is right. */
static void
read_send(struct reader *r, struct proto_message *m)
{
	m->send.to = need_name(r, "to", "to is no name");
	m->send.session = read_session(r);
	if (json_object_get(r->root, "data") == NULL)
		spoil(r, "data is missing");
}

static void
read_watch(struct reader *r, struct proto_message *m)
{
	m->watch.count = need_names(
	    r, "names", m->watch.names, "names is no array of 1 to 64 names");
}

static void
read_stream(struct reader *r, struct proto_message *m)
{
	m->stream.to = need_name(r, "to", "to is no name");
	m->stream.session = read_session(r);
}

static void
read_nothing(struct reader *r, struct proto_message *m)
{
	(void)r;
	(void)m;
}

static const struct {
	const char *name;
	void (*read)(struct reader *r, struct proto_message *m);
} types[] = {
	[PROTO_HELLO] = { "hello", read_hello },
	[PROTO_FIND] = { "find", read_find },
	[PROTO_SEND] = { "send", read_send },
	[PROTO_WATCH] = { "watch", read_watch },
	[PROTO_UNWATCH] = { "unwatch", read_watch },
	[PROTO_STREAM] = { "stream", read_stream },
	[PROTO_PING] = { "ping", read_nothing },
	[PROTO_BYE] = { "bye", read_nothing },
};

enum { TYPE_COUNT = sizeof(types) / sizeof(types[0]) };

static void
read_type(struct reader *r, struct proto_message *m)
{
	const char *name = json_string_value(json_object_get(r->root, "type"));
	unsigned type = 0;

	while (name != NULL && type < TYPE_COUNT &&
	    strcmp(name, types[type].name) != 0)
		type++;
	if (name == NULL || type == TYPE_COUNT) {
		spoil(r, "type is missing or unknown");
		return;
	}
	m->type = type;
	types[type].read(r, m);
}

/* ---- a usual `send`, which is most of what comes, without memory.  False:
 * nothing is known about it. */

enum { SEND_MEMBERS_MAX = 8 };

static bool
is_member(const struct json_member *m, const char *key)
{
	return m->key_len == strlen(key) &&
	    memcmp(m->key, key, m->key_len) == 0;
}

/* A string without escapes. */
static bool
read_plain(struct proto_slice *out, const struct json_member *m)
{
	if (m->value[0] != '"' || memchr(m->value, '\\', m->value_len) != NULL)
		return false;
	*out = (struct proto_slice){ m->value + 1, m->value_len - 2 };
	return true;
}

/* A number as json_scan takes it, and not below 0. */
static bool
read_whole(int64_t *out, const struct json_member *m)
{
	if (m->value[0] < '0' || m->value[0] > '9')
		return false;
	*out = 0;
	for (size_t i = 0; i < m->value_len; i++)
		*out = *out * 10 + (m->value[i] - '0');
	return true;
}

static bool
read_to(struct proto_message *out, const struct json_member *m)
{
	struct proto_slice to;

	if (!read_plain(&to, m) || !proto_is_name(to.at, to.len))
		return false;
	memcpy(out->send.name, to.at, to.len);
	out->send.name[to.len] = '\0';
	out->send.to = out->send.name;
	return true;
}

static bool
read_send_member(struct proto_message *out, const struct json_member *m)
{
	struct proto_slice text;

	if (is_member(m, "type"))
		return read_plain(&text, m) && text.len == 4 &&
		    memcmp(text.at, "send", 4) == 0;
	if (is_member(m, "to"))
		return read_to(out, m);
	if (is_member(m, "data"))
		out->send.data = (struct proto_slice){ m->value, m->value_len };
	else if (is_member(m, "id"))
		return out->has_id = read_whole(&out->id, m);
	else if (is_member(m, "session"))
		return read_plain(&text, m) &&
		    proto_session_parse(&out->send.session, text.at, text.len);
	return true;
}

static bool
read_usual_send(struct proto_message *out, const char *text, size_t len)
{
	struct json_member m[SEND_MEMBERS_MAX];
	unsigned count, has_type = 0;

	if (!json_scan(text, len, PROTO_DEPTH_MAX, m, SEND_MEMBERS_MAX, &count))
		return false;
	out->type = PROTO_SEND;
	out->json = NULL;
	out->has_id = false;
	out->id = -1;
	out->send.to = NULL;
	out->send.session = 0;
	out->send.data.at = NULL;
	for (unsigned i = 0; i < count; i++) {
		if (!read_send_member(out, &m[i]))
			return false;
		has_type += is_member(&m[i], "type");
	}
	return has_type == 1 && out->send.to != NULL &&
	    out->send.data.at != NULL;
}

/* ---- any message */

int
proto_read(struct proto_message *out, const char *text, size_t len,
    struct proto_error *e)
{
	struct reader r = { .why = NULL };
	json_t *root;
	int rc;

	if (read_usual_send(out, text, len))
		return 0;
	*e = (struct proto_error){ .id = -1, .why = "no strict JSON" };
	memset(out, 0, sizeof(*out));
	if ((rc = json_read(&root, text, len, PROTO_DEPTH_MAX)) != 0)
		return rc;
	r.root = out->json = root;
	out->id = -1;
	if (!json_is_object(root))
		spoil(&r, "no JSON object");
	/* the id first, so that whatever else is wrong can be told with it */
	out->has_id =
	    read_number(&r, "id", &out->id, "id is no number of 0 to 2^53");
	read_type(&r, out);
	if (r.why == NULL && out->type == PROTO_SEND)
		out->send.data.at =
		    json_slice(text, len, "data", &out->send.data.len);
	if (r.why == NULL)
		return 0;

	e->has_id = out->has_id;
	e->id = out->id;
	e->why = r.why;
	proto_close_message(out);
	return EBADMSG;
}

void
proto_close_message(struct proto_message *m)
{
	json_decref(m->json);
	m->json = NULL;
}
