#include "common/token/jws.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/base64url.h"
#include "common/mem.h"
#include "common/secret.h"

enum {
	HEADER_MAX = 4096,           /* bytes of JSON */
	NODE_MAX = 253,              /* a DNS name */
	DATE_MAX_YEAR_9999 = 253402, /* in millions of seconds */
};
#define DATE_MAX (INT64_C(1000000) * DATE_MAX_YEAR_9999)

/* ---- taking apart */

/* Reads one part of a token: base64url of a JSON object. */
static int
read_object(json_t **out, const char *text, size_t len, size_t max)
{
	json_error_t error;
	json_t *j = NULL;
	uint8_t *json;
	size_t got;
	int rc;

	if (len > BASE64URL_LEN(max))
		return EINVAL;
	if ((json = mem_try(1, max)) == NULL)
		return ENOMEM;
	rc = base64url_read(json, max, &got, text, len) != 0 ? EINVAL : 0;
	if (rc == 0) {
		j = json_loadb(
		    (char *)json, got, JSON_REJECT_DUPLICATES, &error);
		if (j == NULL &&
		    json_error_code(&error) == json_error_out_of_memory)
			rc = ENOMEM;
		else if (!json_is_object(j))
			rc = EINVAL;
	}
	mem_free(json);
	if (rc == 0)
		*out = j;
	else
		json_decref(j);
	return rc;
}

static int
read_alg(enum jws_alg *out, const json_t *j)
{
	static const struct {
		const char *name;
		enum jws_alg alg;
	} algs[] = {
		{ "EdDSA", JWS_EDDSA },
		{ "Ed25519", JWS_EDDSA }, /* RFC 9864 */
		{ "ES256", JWS_ES256 },
	};

	if (!json_is_string(j))
		return EINVAL;
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (strcmp(json_string_value(j), algs[i].name) == 0) {
			*out = algs[i].alg;
			return 0;
		}
	}
	return ENOTSUP;
}

/* Tokens for other ends than access are not taken for one (RFC 8725). */
static bool
is_typ(const json_t *j)
{
	static const char *const types[] = { "JWT", "at+jwt",
		"application/at+jwt" };

	if (j == NULL)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (json_is_string(j) &&
		    strcasecmp(json_string_value(j), types[i]) == 0)
			return true;
	}
	return false;
}

static int
read_header(struct jws *j, const json_t *header)
{
	const json_t *kid = json_object_get(header, "kid");

	if (json_object_get(header, "crit") != NULL ||
	    !is_typ(json_object_get(header, "typ")))
		return EINVAL;
	if (kid != NULL) {
		if (!json_is_string(kid) ||
		    json_string_length(kid) > JWS_KID_MAX)
			return EINVAL;
		memcpy(j->kid, json_string_value(kid),
		    json_string_length(kid) + 1);
	}
	return read_alg(&j->alg, json_object_get(header, "alg"));
}

/* Between its dots a token is header, claims, signature. */
static int
split(const char *dots[2], const char *text, size_t len)
{
	if (len > JWS_TOKEN_MAX)
		return EINVAL;
	if ((dots[0] = memchr(text, '.', len)) == NULL)
		return EINVAL;
	dots[1] = memchr(dots[0] + 1, '.', len - (size_t)(dots[0] + 1 - text));
	return dots[1] != NULL ? 0 : EINVAL;
}

int
jws_parse(struct jws *out, const char *text, size_t len)
{
	struct jws j = { .text = text, .issuer = "" };
	const json_t *issuer;
	const char *dots[2];
	json_t *header = NULL;
	size_t got;
	int rc;

	if (split(dots, text, len) != 0)
		return EINVAL;
	j.signed_len = (size_t)(dots[1] - text);
	if (base64url_read(j.signature, sizeof(j.signature), &got, dots[1] + 1,
		len - j.signed_len - 1) != 0)
		return EINVAL;

	if ((rc = read_object(
		 &header, text, (size_t)(dots[0] - text), HEADER_MAX)) != 0)
		return rc;
	rc = read_header(&j, header);
	json_decref(header);
	/* only now, so that another algorithm is told from nonsense */
	if (rc == 0 && got != JWS_SIGNATURE_LEN)
		rc = EINVAL;
	if (rc != 0)
		return rc;

	if ((rc = read_object(&j.claims, dots[0] + 1,
		 (size_t)(dots[1] - dots[0] - 1), JWS_TOKEN_MAX)) != 0)
		return rc;
	issuer = json_object_get(j.claims, "iss");
	if (json_is_string(issuer))
		j.issuer = json_string_value(issuer);
	*out = j;
	return 0;
}

void
jws_fini(struct jws *j)
{
	json_decref(j->claims);
	j->claims = NULL;
}

bool
jws_is_signed_by(const struct jws *j, const struct jws_key *key)
{
	/* the key says how, never the token */
	return j->alg == key->alg &&
	    jws_key_signed(key, j->signature, j->text, j->signed_len);
}

/* ---- claims */

/* A NumericDate that must be there, or may (then *out is left alone). */
static bool
read_date(int64_t *out, const json_t *claims, const char *name, bool must)
{
	const json_t *j = json_object_get(claims, name);
	double d;

	if (j == NULL)
		return !must;
	if (!json_is_number(j))
		return false;
	d = json_number_value(j);
	if (!(d >= 0 && d <= (double)DATE_MAX))
		return false;
	*out = json_is_integer(j) ? json_integer_value(j) : (int64_t)d;
	return true;
}

static bool
is_for(const json_t *aud, const char *audience)
{
	const json_t *j;
	size_t i;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), audience) == 0;
	json_array_foreach(aud, i, j)
	{
		if (json_is_string(j) &&
		    strcmp(json_string_value(j), audience) == 0)
			return true;
	}
	return false;
}

static enum jws_verdict
judge_dates(struct jws_subject *out, const json_t *claims, int64_t now_s)
{
	int64_t not_before = 0, issued = 0;

	if (!read_date(&out->expiry, claims, "exp", true) ||
	    !read_date(&not_before, claims, "nbf", false) ||
	    !read_date(&issued, claims, "iat", false))
		return JWS_MALFORMED;
	if (now_s - JWS_SKEW_S >= out->expiry)
		return JWS_EXPIRED;
	if (now_s + JWS_SKEW_S < not_before || now_s + JWS_SKEW_S < issued)
		return JWS_NOT_YET;
	return JWS_GOOD;
}

static bool
read_name(struct jws_subject *out, const json_t *name)
{
	if (!json_is_string(name) || json_string_length(name) == 0 ||
	    json_string_length(name) > JWS_NAME_MAX)
		return false;
	out->name_len = json_string_length(name);
	memcpy(out->name, json_string_value(name), out->name_len + 1);
	return true;
}

/* A binding that cannot be checked makes the token worthless: it must not
 * pass as one without. */
static bool
read_binding(struct jws_subject *out, const json_t *cnf)
{
	const json_t *jwk = json_object_get(cnf, "jwk");
	const json_t *jkt = json_object_get(cnf, "jkt");
	size_t len;

	if (cnf == NULL)
		return true;
	if (jwk != NULL) {
		out->binding = JWS_BOUND_KEY;
		return jws_key_read(&out->key, jwk) == 0;
	}
	out->binding = JWS_BOUND_THUMBPRINT;
	return json_is_string(jkt) &&
	    base64url_read(out->thumbprint, sizeof(out->thumbprint), &len,
		json_string_value(jkt), json_string_length(jkt)) == 0 &&
	    len == sizeof(out->thumbprint);
}

enum jws_verdict
jws_judge(
    struct jws_subject *out, const struct jws *j, const struct jws_expected *e)
{
	struct jws_subject s = { 0 };
	enum jws_verdict v;

	if (strcmp(j->issuer, e->issuer) != 0)
		return JWS_OTHER_ISSUER;
	if (!is_for(json_object_get(j->claims, "aud"), e->audience))
		return JWS_OTHER_AUDIENCE;
	if ((v = judge_dates(&s, j->claims, e->now_s)) != JWS_GOOD)
		return v;
	if (!read_name(&s, json_object_get(j->claims, e->name_claim)) ||
	    !read_binding(&s, json_object_get(j->claims, "cnf")))
		return JWS_MALFORMED;
	*out = s;
	return JWS_GOOD;
}

/* ---- proof of possession */

/* Writes what is to be signed.  Returns its length; 0: too long. */
static size_t
write_proof(uint8_t *out, size_t room, const struct jws_proof *p)
{
	static const char context[] = "supernode.v1 hello";
	const size_t node = strlen(p->node) + 1;

	if (sizeof(context) + node + JWS_CHALLENGE_LEN > room)
		return 0;
	memcpy(out, context, sizeof(context));
	memcpy(out + sizeof(context), p->node, node);
	memcpy(out + sizeof(context) + node, p->challenge, JWS_CHALLENGE_LEN);
	return sizeof(context) + node + JWS_CHALLENGE_LEN;
}

/* The key that s is bound to. */
static bool
find_key(struct jws_key *out, const struct jws_subject *s, const json_t *jwk)
{
	uint8_t thumbprint[JWS_THUMBPRINT_LEN];

	if (s->binding == JWS_BOUND_KEY) {
		*out = s->key;
		return true;
	}
	if (jwk == NULL || jws_key_read(out, jwk) != 0)
		return false;
	jws_key_thumbprint(thumbprint, out);
	return secret_equal(thumbprint, s->thumbprint, sizeof(thumbprint));
}

bool
jws_is_proved(const struct jws_subject *s, const struct jws_proof *p)
{
	uint8_t text[64 + NODE_MAX + JWS_CHALLENGE_LEN];
	uint8_t signature[JWS_SIGNATURE_LEN];
	struct jws_key key;
	size_t len;

	if (s->binding == JWS_BEARER)
		return true;
	if (p->signature == NULL ||
	    base64url_read(signature, sizeof(signature), &len, p->signature,
		strlen(p->signature)) != 0 ||
	    len != sizeof(signature))
		return false;
	if (!find_key(&key, s, p->key))
		return false;
	len = write_proof(text, sizeof(text), p);
	return len > 0 && jws_key_signed(&key, signature, text, len);
}
