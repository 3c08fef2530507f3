/* fuzz: a message of a node.  What is sent on is the very member that was
 * read as data, and what we make of it is strict JSON again.  What the quick
 * way recognises the strict one reads too, and the same. */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_scan.h"
#include "common/proto/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A message around data is read again, one level deeper than data. */
static void
check_delivery(const struct proto_message *m, const json_t *data)
{
	const struct proto_delivery d = {
		.from = m->send.to, .session = 7, .data = m->send.data
	};
	const size_t room = PROTO_SEQ_MAX + PROTO_NAME_MAX + 128 + d.data.len;
	char *text = malloc(room);
	size_t len = proto_write_seq(text, UINT64_MAX >> 1);
	json_t *again = NULL;
	size_t tail = proto_write_message(text + len, room - len, &d);

	assert(tail > 0);
	assert(json_read(&again, text, len + tail, PROTO_DEPTH_MAX) == 0);
	assert(json_equal(json_object_get(again, "data"), data));
	json_decref(again);
	free(text);
}

/* The message as jansson has it. */
static json_t *
read_again(const struct proto_message *m, const char *text, size_t size)
{
	json_t *root, *id;

	assert(json_read(&root, text, size, PROTO_DEPTH_MAX) == 0);
	id = json_object_get(root, "id");
	assert(m->has_id == (id != NULL));
	assert(!m->has_id || json_integer_value(id) == m->id);
	assert(strcmp(json_string_value(json_object_get(root, "to")),
		   m->send.to) == 0);
	assert((json_object_get(root, "session") != NULL) ==
	    (m->send.session != 0));
	return root;
}

static void
check_scan(const char *text, size_t size)
{
	struct json_member m[16];
	unsigned count;
	json_t *root;
	size_t len;

	if (!json_scan(text, size, PROTO_DEPTH_MAX, m, 16, &count))
		return;
	assert(json_read(&root, text, size, PROTO_DEPTH_MAX) == 0);
	assert(json_object_size(root) == count);
	for (unsigned i = 0; i < count; i++) {
		char *key = strndup(m[i].key, m[i].key_len);

		assert(json_slice(text, size, key, &len) == m[i].value);
		assert(len == m[i].value_len);
		free(key);
	}
	json_decref(root);
}

static void
check_error(const struct proto_error *e)
{
	char out[512];

	assert(e->why != NULL);
	assert(e->has_id == (e->id >= 0));
	assert(proto_write_error(
		   out, sizeof(out), e->id, PROTO_BAD_MESSAGE, e->why, 0) > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proto_message m;
	struct proto_error e;
	const char *text = (const char *)data;

	if (size > 64 * 1024)
		return 0;
	check_scan(text, size);
	if (proto_read(&m, text, size, &e) != 0) {
		check_error(&e);
		return 0;
	}
	if (m.type == PROTO_SEND) {
		json_t *root = read_again(&m, text, size);

		assert(m.send.data.at >= text);
		assert(m.send.data.at + m.send.data.len <= text + size);
		check_delivery(&m, json_object_get(root, "data"));
		json_decref(root);
	}
	proto_close_message(&m);
	return 0;
}
