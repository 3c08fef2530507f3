/*
 * jws: a token as it comes, and one that is made of the input (header, line
 * end, claims) and really signed: nothing passes that is not signed, nothing
 * that has expired, and a proof is not made by chance.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64url.h"
#include "common/signature.h"
#include "common/token/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1700000000, INPUT_MAX = 16 * 1024 };

static const uint8_t seed[SIGNATURE_SEED_LEN] = { 1, 2, 3 };

static struct jws_key
public_key(void)
{
	static struct jws_key key;

	if (key.at[0] == 0 && signature_public(key.at, seed) != 0)
		abort();
	return key;
}

static void
check_subject(const struct jws_subject *s)
{
	static const uint8_t challenge[JWS_CHALLENGE_LEN];
	const struct jws_proof p = {
		.node = "sn1", .challenge = challenge, .signature = "AAAA"
	};

	if (s->name_len == 0 || strlen(s->name) != s->name_len)
		abort();
	if (s->expiry <= NOW - JWS_SKEW_S)
		abort();
	if (jws_is_proved(s, &p) != (s->binding == JWS_BEARER))
		abort();
}

/* Is it one that was signed here? */
static void
try(const char *text, size_t len, bool is_signed)
{
	static const struct jws_expected e = { "i", "a", "sub", NOW };
	const struct jws_key key = public_key();
	struct jws_subject s;
	struct jws j;

	if (jws_parse(&j, text, len) != 0)
		return;
	if (!json_is_object(j.claims) || strlen(j.kid) > JWS_KID_MAX ||
	    j.signed_len >= len)
		abort();
	if (jws_is_signed_by(&j, &key) != (is_signed && j.alg == JWS_EDDSA))
		abort();
	if (jws_judge(&s, &j, &e) == JWS_GOOD)
		check_subject(&s);
	jws_fini(&j);
}

static void
try_signed(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	const size_t head = end != NULL ? (size_t)(end - data) : size;
	const size_t rest = end != NULL ? size - head - 1 : 0;
	uint8_t signature[SIGNATURE_LEN];
	char *text = malloc(2 * size + 200);
	size_t len;

	if (text == NULL)
		return;
	base64url_write(text, data, head);
	strcat(text, ".");
	base64url_write(text + strlen(text), data + size - rest, rest);
	len = strlen(text);
	if (signature_make(signature, seed, text, len) != 0)
		abort();
	text[len++] = '.';
	base64url_write(text + len, signature, sizeof(signature));
	try(text, strlen(text), true);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* exactly as long as it is, so that a read beyond is seen */
	char *text = calloc(1, size > 0 ? size : 1);

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	try(text, size, false);
	free(text);
	if (size > 0 && size < INPUT_MAX)
		try_signed(data, size);
	return 0;
}
