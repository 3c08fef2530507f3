#include "common/token/keyset.h"

#include <errno.h>
#include <string.h>

#include "common/mem.h"

struct entry {
	char kid[JWS_KID_MAX + 1]; /* "": none */
	struct jws_key key;
};

struct keyset {
	/* FROZEN: after keyset_parse */
	size_t count;
	struct entry at[KEYSET_KEYS_MAX];
};

/* Two kinds of key may be told apart by their kind (RFC 7517, section 4.5). */
static bool
has(const struct keyset *s, const struct entry *e)
{
	for (size_t i = 0; i < s->count; i++) {
		if (*e->kid != '\0' && s->at[i].key.alg == e->key.alg &&
		    strcmp(s->at[i].kid, e->kid) == 0)
			return true;
	}
	return false;
}

/* Returns 0, or as jws_key_read. */
static int
add(struct keyset *s, const json_t *jwk)
{
	const json_t *kid = json_object_get(jwk, "kid");
	struct entry *e = &s->at[s->count];
	int rc;

	if (kid != NULL &&
	    (!json_is_string(kid) || json_string_length(kid) > JWS_KID_MAX))
		return EINVAL;
	if ((rc = jws_key_read(&e->key, jwk)) != 0)
		return rc;
	e->kid[0] = '\0';
	if (kid != NULL)
		memcpy(e->kid, json_string_value(kid),
		    json_string_length(kid) + 1);
	/* which of two would be meant? */
	if (has(s, e))
		return EINVAL;
	s->count++;
	return 0;
}

static int
add_all(struct keyset *s, const json_t *keys, struct keyset_report *report)
{
	const json_t *jwk;
	size_t i;

	if (!json_is_array(keys))
		return EINVAL;
	if (json_array_size(keys) > KEYSET_KEYS_MAX)
		return EFBIG;
	json_array_foreach(keys, i, jwk)
	{
		switch (add(s, jwk)) {
		case 0:
			report->used++;
			break;
		case EPERM:
			report->secret++;
			break;
		default:
			report->other++;
			break;
		}
	}
	return 0;
}

int
keyset_parse(struct keyset **out, const char *text, size_t len,
    struct keyset_report *report)
{
	struct keyset_report said = { 0 };
	json_error_t error;
	struct keyset *s;
	json_t *j;
	int rc;

	if (len > KEYSET_BYTES_MAX)
		return EFBIG;
	if ((s = mem_try(1, sizeof(*s))) == NULL)
		return ENOMEM;
	if ((j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error)) == NULL)
		rc = json_error_code(&error) == json_error_out_of_memory
		    ? ENOMEM
		    : EINVAL;
	else
		rc = add_all(s, json_object_get(j, "keys"), &said);
	json_decref(j);
	if (rc != 0) {
		keyset_free(s);
		return rc;
	}
	*out = s;
	if (report != NULL)
		*report = said;
	return 0;
}

void
keyset_free(struct keyset *s)
{
	mem_free(s);
}

const struct jws_key *
keyset_find(const struct keyset *s, const char *kid, enum jws_alg alg)
{
	const struct jws_key *only = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct entry *e = &s->at[i];

		if (e->key.alg != alg)
			continue;
		if (*kid != '\0' && strcmp(e->kid, kid) == 0)
			return &e->key;
		if (*kid == '\0' && only != NULL)
			return NULL;
		if (*kid == '\0')
			only = &e->key;
	}
	return only;
}
