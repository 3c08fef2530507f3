#include "common/proto/peerjs.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "common/json.h"

static const struct {
	const char *text;
	bool waits;
} types[PROTO_PEERJS_TYPES] = {
	[PROTO_PEERJS_HEARTBEAT] = { "HEARTBEAT", false },
	[PROTO_PEERJS_OFFER] = { "OFFER", true },
	[PROTO_PEERJS_ANSWER] = { "ANSWER", true },
	[PROTO_PEERJS_CANDIDATE] = { "CANDIDATE", true },
	[PROTO_PEERJS_LEAVE] = { "LEAVE", false },
	[PROTO_PEERJS_EXPIRE] = { "EXPIRE", false },
};

/* ---- ids */

int
proto_peerjs_id(struct proto_peerjs_id *out, const char *at, size_t len)
{
	if (len == 0 || len > PROTO_PEERJS_ID_MAX)
		return EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (at[i] < ' ' || at[i] > '~' || at[i] == '"' || at[i] == '\\')
			return EINVAL;
	}
	*out = (struct proto_peerjs_id){ .len = (uint8_t)len };
	memcpy(out->at, at, len);
	return 0;
}

bool
proto_peerjs_same(
    const struct proto_peerjs_id *a, const struct proto_peerjs_id *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

void
proto_peerjs_uuid(char out[PROTO_PEERJS_UUID_LEN + 1], const uint8_t random[16])
{
	/* where its five groups begin, in bytes */
	static const size_t begin[] = { 0, 4, 6, 8, 10, 16 };
	uint8_t bytes[16];

	memcpy(bytes, random, sizeof(bytes));
	bytes[6] = (uint8_t)(0x40 | (bytes[6] & 0x0f)); /* version 4 */
	bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3f)); /* variant 10 */
	for (size_t i = 0; i < 5; i++) {
		if (i > 0)
			*out++ = '-';
		hex_write(out, bytes + begin[i], begin[i + 1] - begin[i]);
		out += 2 * (begin[i + 1] - begin[i]);
	}
}

/* ---- reading */

static int
read_type(enum proto_peerjs_type *out, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text == NULL)
		return EBADMSG;
	for (size_t i = 0; i < PROTO_PEERJS_TYPES; i++) {
		if (strcmp(text, types[i].text) == 0) {
			*out = (enum proto_peerjs_type)i;
			return 0;
		}
	}
	return EBADMSG;
}

/* LEAVE without dst is a word about the sender itself. */
static int
read_dst(struct proto_peerjs_message *m, const json_t *value)
{
	if (m->type == PROTO_PEERJS_HEARTBEAT)
		return 0;
	if (value == NULL || json_is_null(value) ||
	    (json_is_string(value) && json_string_length(value) == 0))
		return m->type == PROTO_PEERJS_LEAVE ? 0 : EBADMSG;
	if (!json_is_string(value))
		return EBADMSG;
	if (proto_peerjs_id(&m->dst, json_string_value(value),
		json_string_length(value)) != 0)
		return EBADMSG;
	return 0;
}

static int
read_members(struct proto_peerjs_message *m, const json_t *json)
{
	if (!json_is_object(json) ||
	    read_type(&m->type, json_object_get(json, "type")) != 0)
		return EBADMSG;
	return read_dst(m, json_object_get(json, "dst"));
}

int
proto_peerjs_read(
    struct proto_peerjs_message *out, const char *text, size_t len)
{
	struct proto_peerjs_message m = { 0 };
	json_t *json;
	int rc;

	if ((rc = json_read(&json, text, len, PROTO_PEERJS_DEPTH_MAX)) != 0)
		return rc;
	rc = read_members(&m, json);
	json_decref(json);
	if (rc != 0)
		return rc;
	m.payload = json_slice(text, len, "payload", &m.payload_len);
	*out = m;
	return 0;
}

/* ---- writing */

size_t
proto_peerjs_write(char *out, size_t size, const struct proto_peerjs_message *m)
{
	int n;

	assert(m->type < PROTO_PEERJS_TYPES);
	n = snprintf(out, size,
	    "{\"type\":\"%s\",\"src\":\"%.*s\",\"dst\":\"%.*s\"%s",
	    types[m->type].text, m->src.len, m->src.at, m->dst.len, m->dst.at,
	    m->payload != NULL ? ",\"payload\":" : "");
	if (n < 0 || (size_t)n + m->payload_len + 1 > size)
		return 0;
	if (m->payload != NULL)
		memcpy(out + n, m->payload, m->payload_len);
	out[(size_t)n + m->payload_len] = '}';
	return (size_t)n + m->payload_len + 1;
}

bool
proto_peerjs_waits(enum proto_peerjs_type type)
{
	return types[type].waits;
}
