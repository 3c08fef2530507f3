/*
 * peerjs: what is read as a message of the PeerServer dialect is written as
 * one that strict JSON can read, from the true sender, to the same one, with
 * the same bytes of payload.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/proto/peerjs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check_written(
    const struct proto_peerjs_message *m, const char *text, size_t len)
{
	struct proto_peerjs_message again;
	json_t *json;

	must(json_read(&json, text, len, PROTO_PEERJS_DEPTH_MAX) == 0);
	must(
	    strcmp(json_string_value(json_object_get(json, "src")), "me") == 0);
	must(json_object_size(json) == 3u + (m->payload != NULL));
	json_decref(json);

	must(proto_peerjs_read(&again, text, len) == 0);
	must(again.type == m->type);
	must(proto_peerjs_same(&again.dst, &m->dst));
	must((again.payload == NULL) == (m->payload == NULL));
	must(again.payload_len == m->payload_len);
	must(m->payload == NULL ||
	    memcmp(again.payload, m->payload, m->payload_len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t room = size + PROTO_PEERJS_FRAME_MAX;
	struct proto_peerjs_message m;
	size_t len;
	char *out;

	if (proto_peerjs_read(&m, (const char *)data, size) != 0)
		return 0;
	if (m.payload != NULL)
		must(m.payload >= (const char *)data &&
		    m.payload + m.payload_len <= (const char *)data + size);
	must(proto_peerjs_id(&m.src, "me", 2) == 0);
	/* to nobody nothing is written */
	if (m.dst.len == 0 || (out = malloc(room)) == NULL)
		return 0;
	len = proto_peerjs_write(out, room, &m);
	must(len > 0);
	check_written(&m, out, len);
	free(out);
	return 0;
}
