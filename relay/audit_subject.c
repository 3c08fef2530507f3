#include "relay/audit_subject.h"

#include <stdio.h>
#include <string.h>

#include "common/addr.h"
#include "common/digest.h"
#include "common/hex.h"
#include "relay/audit_key.h"

enum {
	/* 96 bits: no two subjects of one log share one */
	PSEUDONYM_LEN = 12,
	NAME_MAX_LEN = 513,
};

/* kind keeps a user apart from an address of the same bytes. */
static json_t *
pseudonym(const struct audit_subject *s, const char *kind, const void *data,
    size_t len)
{
	const struct digest_part key = { s->key->subjects,
		sizeof(s->key->subjects) };
	const struct digest_part parts[] = { { kind, strlen(kind) },
		{ data, len } };
	uint8_t hash[DIGEST_SHA256_LEN];
	char text[2 * PSEUDONYM_LEN + 1];

	digest_hmac(hash, DIGEST_SHA256, key, parts, 2);
	return json_sprintf("%s%s", kind, hex_write(text, hash, PSEUDONYM_LEN));
}

/* A name that is no UTF-8 still shows, as what it has in ASCII. */
static json_t *
plain(const char *user, size_t len)
{
	json_t *whole = json_stringn(user, len);
	char ascii[NAME_MAX_LEN];

	if (whole != NULL)
		return whole;
	if (len > sizeof(ascii))
		len = sizeof(ascii);
	for (size_t i = 0; i < len; i++)
		ascii[i] = (unsigned char)user[i] < 0x80 ? user[i] : '?';
	return json_stringn(ascii, len);
}

json_t *
audit_subject_user(const struct audit_subject *s, const char *user, size_t len)
{
	switch (s->how) {
	case SNAPSHOT_SUBJECTS_FULL:
		return plain(user, len);
	case SNAPSHOT_SUBJECTS_HASHED:
		return pseudonym(s, "user:", user, len);
	case SNAPSHOT_SUBJECTS_NONE:
		break;
	}
	return NULL;
}

json_t *
audit_subject_addr(const struct audit_subject *s, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	const uint8_t *host;
	size_t len;

	switch (s->how) {
	case SNAPSHOT_SUBJECTS_FULL:
		return json_string(addr_port(a) != 0
			? addr_format(a, text)
			: addr_format_host(a, text));
	case SNAPSHOT_SUBJECTS_HASHED:
		host = addr_host(a, &len);
		return pseudonym(s, "addr:", host, len);
	case SNAPSHOT_SUBJECTS_NONE:
		break;
	}
	return NULL;
}

/* What is no address is shown as little as one. */
static json_t *
hide_text(const struct audit_subject *s, const json_t *text, bool is_addr)
{
	const char *at = json_string_value(text);
	struct addr a;

	if (at == NULL)
		return NULL;
	if (is_addr && addr_parse(&a, at) == 0)
		return audit_subject_addr(s, &a);
	return audit_subject_user(s, at, json_string_length(text));
}

void
audit_subject_hide(const struct audit_subject *s, json_t *detail)
{
	static const char *const names[] = { "user", "client", "address" };

	if (s->how == SNAPSHOT_SUBJECTS_FULL)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *text = json_object_get(detail, names[i]);
		json_t *shown;

		if (text == NULL)
			continue;
		if ((shown = hide_text(s, text, i > 0)) != NULL)
			json_object_set_new(detail, names[i], shown);
		else
			json_object_del(detail, names[i]);
	}
}
