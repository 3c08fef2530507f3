/* fuzz: a request against credentials.  Any message gets one of the codes of
 * RFC 8489, section 9.2.4; what passes has an identity that holds together.
 * The message is tried as it came, and once more signed by a user. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "relay/snapshot.h"
#include "turn/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	ROOM = STUN_HEADER_LEN + UINT16_MAX,
	MONO_S = 5000,
	WALL_S = 1893456000,
};

static const char text[] = "node { name = \"sn.example.org\""
			   " realm = \"example.org\" }\n"
			   "relay { addresses = {\"192.0.2.7\"} }\n"
			   "auth { secret = {\"south\", \"north\"}\n"
			   " user \"alice\" { password = \"wonder\" } }\n"
			   "caps { rate = \"10Mbit/s\" }\n";
static const struct turn_nonce_key nonce_key = { "key" };
static struct snapshot *conf;
static struct addr client;

static void
load(void)
{
	const int fd = memfd_create("conf", 0);
	char why[SNAPSHOT_ERROR_MAX], path[64];

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (snapshot_load(&conf, path, why) != 0) {
		fprintf(stderr, "fuzz: %s\n", why);
		abort();
	}
	close(fd);
	if (addr_parse(&client, "192.0.2.1:5000") != 0)
		abort();
}

static void
check_identity(const struct turn_identity *id)
{
	const char *const end = id->username + id->username_len;

	assert(id->username_len <= STUN_USERNAME_MAX && *end == '\0');
	assert(id->user >= id->username && id->user + id->user_len <= end);
	assert(id->key.len == STUN_MD5_LEN || id->key.len == STUN_SHA256_LEN);
	assert(id->expiry == 0 || id->expiry > WALL_S);
}

static void
check_challenge(const struct turn_auth_input *in)
{
	const size_t room = in->msg->len * 3 / 2;
	uint8_t out[512];
	struct pen p;

	pen_init(&p, out, sizeof(out));
	if (turn_auth_put_challenge(&p, in, room))
		assert(!p.bad && pen_len(&p) <= room);
	else
		assert(pen_len(&p) == 0);
}

static void
check(const struct stun_msg *m)
{
	const struct turn_auth_input in = { m, &client, conf, &nonce_key,
		MONO_S, WALL_S };
	enum stats_auth why = STATS_AUTH_COUNT;
	struct turn_identity id;
	const int code = turn_auth_check(&id, &why, &in);

	if (code == 0) {
		assert(why == STATS_AUTH_COUNT);
		check_identity(&id);
		return;
	}
	assert(code == 400 || code == 401 || code == 438);
	assert(why < STATS_AUTH_COUNT);
	check_challenge(&in);
}

/* What stands in front of the signature, signed by alice. */
static void
check_signed(const struct stun_msg *m)
{
	const struct snapshot_user *const alice =
	    snapshot_user(conf, "alice", 5);
	static uint8_t out[2 * ROOM];
	struct stun_msg again;
	struct pen p;

	stun_msg_begin(&p, out, sizeof(out), m->method, m->class, m->tid);
	for (unsigned i = 0; i < m->count; i++) {
		const struct stun_attr *const a = &m->attrs[i];

		if (a == m->integrity || a == m->integrity256 ||
		    a == m->fingerprint)
			break;
		stun_put(&p, a->type, a->value, a->len);
	}
	if (pen_len(&p) + 4 + STUN_SHA256_LEN > ROOM)
		return;
	if (m->integrity256 != NULL)
		stun_put_integrity256(&p, &alice->sha256);
	else
		stun_put_integrity(&p, &alice->md5);
	if (stun_msg_parse(&again, out, stun_msg_end(&p)) == 0)
		check(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stun_msg m;

	if (conf == NULL)
		load();
	if (stun_msg_parse(&m, data, size) != 0)
		return 0;
	check(&m);
	check_signed(&m);
	return 0;
}
