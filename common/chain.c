#include "common/chain.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"
#include "common/hex.h"

enum {
	HASH_DIGITS = 2 * CHAIN_HASH_LEN,
	/* ,"hash":"<64 digits>"} */
	TAIL_HEAD_LEN = 9,
	TAIL_LEN = TAIL_HEAD_LEN + HASH_DIGITS + 2,
	DOMAIN_LEN = 16,
	MESSAGE_LEN = DOMAIN_LEN + 8 + CHAIN_HASH_LEN,
};

static const char tail_head[] = ",\"hash\":\"";
static const char domain[] = "supernode audit\n";

const char *
chain_time(int64_t wall_ms, char out[CHAIN_TIME_MAX])
{
	const time_t s = (time_t)(wall_ms / 1000);
	char whole[CHAIN_TIME_MAX];
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		whole[0] = '\0';
	snprintf(
	    out, CHAIN_TIME_MAX, "%.24s.%03dZ", whole, (int)(wall_ms % 1000));
	return out;
}

/* ---- writing */

static void
hash_line(uint8_t out[CHAIN_HASH_LEN], const uint8_t before[CHAIN_HASH_LEN],
    const char *line, size_t len)
{
	const struct digest_part parts[] = { { before, CHAIN_HASH_LEN },
		{ line, len } };

	digest_hash(out, DIGEST_SHA256, parts, 2);
}

size_t
chain_append(struct chain *c, char out[CHAIN_LINE_MAX + 1], const char *time,
    const char *event, const char *members)
{
	const size_t room = CHAIN_LINE_MAX + 1 - TAIL_LEN;
	char digits[HASH_DIGITS + 1];
	int len;

	len = snprintf(out, room,
	    "{\"seq\":%" PRIu64 ",\"time\":\"%s\",\"event\":\"%s\"%s%s",
	    c->seq + 1, time, event, members[0] != '\0' ? "," : "", members);
	if (len < 0 || (size_t)len >= room)
		return 0;
	hash_line(c->hash, c->hash, out, (size_t)len);
	c->seq++;
	snprintf(out + len, TAIL_LEN + 1, "%s%s\"}", tail_head,
	    hex_write(digits, c->hash, CHAIN_HASH_LEN));
	return (size_t)len + TAIL_LEN;
}

/* ---- seals */

static void
put_message(uint8_t out[MESSAGE_LEN], const struct chain *c)
{
	memcpy(out, domain, DOMAIN_LEN);
	for (int i = 0; i < 8; i++)
		out[DOMAIN_LEN + i] = (uint8_t)(c->seq >> (56 - 8 * i));
	memcpy(out + DOMAIN_LEN + 8, c->hash, CHAIN_HASH_LEN);
}

int
chain_sign(struct chain_seal *out, const struct chain *c,
    const uint8_t seed[SIGNATURE_SEED_LEN])
{
	uint8_t message[MESSAGE_LEN];
	uint8_t signature[SIGNATURE_LEN];
	int rc;

	put_message(message, c);
	rc = signature_make(signature, seed, message, sizeof(message));
	if (rc != 0)
		return rc;
	out->at = *c;
	memcpy(out->signature, signature, SIGNATURE_LEN);
	return 0;
}

bool
chain_is_signed(
    const struct chain_seal *s, const uint8_t key[SIGNATURE_PUBLIC_LEN])
{
	uint8_t message[MESSAGE_LEN];

	put_message(message, &s->at);
	return signature_is_good(s->signature, key, message, sizeof(message));
}

const char *
chain_seal_write(const struct chain_seal *s, char out[CHAIN_SEAL_MAX])
{
	char hash[HASH_DIGITS + 1], signature[2 * SIGNATURE_LEN + 1];

	snprintf(out, CHAIN_SEAL_MAX,
	    "{\"covers\":%" PRIu64 ",\"covers_hash\":\"%s\","
	    "\"signature\":\"%s\"}",
	    s->at.seq, hex_write(hash, s->at.hash, CHAIN_HASH_LEN),
	    hex_write(signature, s->signature, SIGNATURE_LEN));
	return out;
}

/* The string called name of exactly so many bytes in hexadecimal digits. */
static int
read_hex(void *out, size_t len, const json_t *from, const char *name)
{
	const json_t *s = json_object_get(from, name);

	if (json_string_length(s) != 2 * len)
		return EINVAL;
	return hex_read(out, len, json_string_value(s));
}

static int
read_seq(uint64_t *out, const json_t *from, const char *name)
{
	const json_int_t n = json_integer_value(json_object_get(from, name));

	if (n <= 0)
		return EINVAL;
	*out = (uint64_t)n;
	return 0;
}

static int
read_seal(struct chain_seal *out, const json_t *from)
{
	struct chain_seal s;

	if (read_seq(&s.at.seq, from, "covers") != 0 ||
	    read_hex(s.at.hash, CHAIN_HASH_LEN, from, "covers_hash") != 0 ||
	    read_hex(s.signature, SIGNATURE_LEN, from, "signature") != 0)
		return EINVAL;
	*out = s;
	return 0;
}

int
chain_seal_read(struct chain_seal *out, const char *text)
{
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const int rc = read_seal(out, j);

	json_decref(j);
	return rc;
}

/* ---- reading */

/* The object in line, the caller's, whose last member is a hash; or NULL. */
static json_t *
load_line(struct chain *out, const char *line, size_t len)
{
	const char *tail = line + len - TAIL_LEN;
	json_t *j;

	if (len <= TAIL_LEN || len > CHAIN_LINE_MAX || line[0] != '{' ||
	    memcmp(tail, tail_head, TAIL_HEAD_LEN) != 0 ||
	    memcmp(line + len - 2, "\"}", 2) != 0 ||
	    hex_read(out->hash, CHAIN_HASH_LEN, tail + TAIL_HEAD_LEN) != 0)
		return NULL;
	j = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (j != NULL && read_seq(&out->seq, j, "seq") == 0)
		return j;
	json_decref(j);
	return NULL;
}

int
chain_read(struct chain *out, const char *line, size_t len)
{
	struct chain c;
	json_t *j = load_line(&c, line, len);

	if (j == NULL)
		return EINVAL;
	json_decref(j);
	*out = c;
	return 0;
}

/* ---- checking */

void
chain_check_init(struct chain_check *k, const uint8_t *key)
{
	memset(k, 0, sizeof(*k));
	if (key == NULL)
		return;
	memcpy(k->key, key, SIGNATURE_PUBLIC_LEN);
	k->has_key = k->is_key_given = true;
}

void
chain_check_expect(struct chain_check *k, const struct chain_seal *s)
{
	k->seal = *s;
	k->has_seal = true;
}

static bool
is_event(const json_t *j, const char *name)
{
	const char *event = json_string_value(json_object_get(j, "event"));

	return event != NULL && strcmp(event, name) == 0;
}

static void
note_seal(struct chain_check *k)
{
	if (k->has_seal && k->at.seq == k->seal.at.seq)
		k->met_seal =
		    memcmp(k->at.hash, k->seal.at.hash, CHAIN_HASH_LEN) == 0;
}

/* The first line says itself what stood before it. */
static enum chain_fault
begin(struct chain_check *k, const struct chain *now, const json_t *j)
{
	k->first = now->seq;
	k->at.seq = now->seq - 1;
	if (!is_event(j, "open") ||
	    read_hex(k->at.hash, CHAIN_HASH_LEN, j, "prev") != 0)
		return CHAIN_NOT_OPEN;
	note_seal(k);
	return CHAIN_GOOD;
}

static enum chain_fault
check_open(struct chain_check *k, const json_t *j)
{
	uint8_t key[SIGNATURE_PUBLIC_LEN];

	if (read_hex(key, sizeof(key), j, "key") != 0)
		return CHAIN_CHANGED;
	if (!k->has_key) {
		memcpy(k->key, key, sizeof(key));
		k->has_key = true;
	}
	return memcmp(k->key, key, sizeof(key)) == 0 ? CHAIN_GOOD
						     : CHAIN_OTHER_KEY;
}

static enum chain_fault
check_seal(struct chain_check *k, const json_t *j)
{
	struct chain_seal s;

	if (read_seal(&s, j) != 0 || s.at.seq != k->at.seq ||
	    memcmp(s.at.hash, k->at.hash, CHAIN_HASH_LEN) != 0 ||
	    (k->has_key && !chain_is_signed(&s, k->key)))
		return CHAIN_BAD_SIGNATURE;
	k->sealed_seq = s.at.seq + 1;
	return CHAIN_GOOD;
}

/* Does line stand where it was written, as it was written? */
static enum chain_fault
check_place(struct chain_check *k, const struct chain *now, const char *line,
    size_t len)
{
	uint8_t hash[CHAIN_HASH_LEN];

	k->expected = k->at.seq + 1;
	if (now->seq != k->expected)
		return now->seq > k->expected ? CHAIN_MISSING : CHAIN_MOVED;
	hash_line(hash, k->at.hash, line, len - TAIL_LEN);
	return memcmp(hash, now->hash, CHAIN_HASH_LEN) == 0 ? CHAIN_GOOD
							    : CHAIN_CHANGED;
}

static enum chain_fault
check_event(struct chain_check *k, const json_t *j)
{
	if (is_event(j, "open"))
		return check_open(k, j);
	if (is_event(j, "checkpoint"))
		return check_seal(k, j);
	return CHAIN_GOOD;
}

enum chain_fault
chain_check_line(struct chain_check *k, const char *line, size_t len)
{
	enum chain_fault fault = CHAIN_GOOD;
	struct chain now;
	json_t *j;

	if ((j = load_line(&now, line, len)) == NULL)
		return CHAIN_NO_LINE;
	if (k->first == 0)
		fault = begin(k, &now, j);
	if (fault == CHAIN_GOOD)
		fault = check_place(k, &now, line, len);
	if (fault == CHAIN_GOOD)
		fault = check_event(k, j);
	json_decref(j);
	/* one that stood elsewhere leaves the place as it was */
	if (fault != CHAIN_MOVED) {
		k->at = now;
		note_seal(k);
	}
	return fault;
}

enum chain_fault
chain_check_end(const struct chain_check *k)
{
	if (!k->has_seal || k->met_seal)
		return CHAIN_GOOD;
	if (k->has_key && !chain_is_signed(&k->seal, k->key))
		return CHAIN_BAD_SIGNATURE;
	if (k->at.seq < k->seal.at.seq)
		return CHAIN_CUT;
	/* of a line before the first file */
	return k->seal.at.seq + 1 < k->first ? CHAIN_GOOD : CHAIN_CHANGED;
}

const char *
chain_fault_text(enum chain_fault f)
{
	switch (f) {
	case CHAIN_GOOD:
		return "as it was written";
	case CHAIN_NO_LINE:
		return "not a line of an audit log";
	case CHAIN_CHANGED:
		return "line changed";
	case CHAIN_MISSING:
		return "lines missing";
	case CHAIN_MOVED:
		return "line added or out of order";
	case CHAIN_NOT_OPEN:
		return "lines missing: a log begins with \"open\"";
	case CHAIN_OTHER_KEY:
		return "written under another key";
	case CHAIN_BAD_SIGNATURE:
		return "signature does not fit: lines before it changed";
	case CHAIN_CUT:
		return "lines missing at the end";
	}
	return "?";
}
