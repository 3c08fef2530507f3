#include "tests/support/phrase.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/stun/attr.h"
#include "tests/support/words.h"

static void
put_u8(struct pen *pen, uint16_t type, uint8_t value)
{
	stun_put(pen, type, (const uint8_t[4]){ value, 0, 0, 0 }, 4);
}

static uint8_t
family(const char *value)
{
	return strcmp(value, "6") == 0 ? STUN_FAMILY_IPV6 : STUN_FAMILY_IPV4;
}

static void
put_token(struct pen *pen, const char *hex)
{
	uint8_t token[STUN_TOKEN_LEN];

	stun_put(pen, STUN_ATTR_RESERVATION_TOKEN, token,
	    words_hex(token, sizeof(token), hex));
}

/* Appends what key asks for; transport is kept for the end. */
static void
put_word(
    struct pen *pen, const char *key, const char *value, uint8_t *transport)
{
	const uint8_t reserve = 0x80;

	if (strncmp(key, "family=", 7) == 0)
		put_u8(pen, STUN_ATTR_REQUESTED_ADDRESS_FAMILY, family(value));
	else if (strncmp(key, "additional=", 11) == 0)
		put_u8(pen, STUN_ATTR_ADDITIONAL_ADDRESS_FAMILY, family(value));
	else if (strncmp(key, "lifetime=", 9) == 0)
		stun_put_u32(
		    pen, STUN_ATTR_LIFETIME, (uint32_t)words_number(value));
	else if (strncmp(key, "even=", 5) == 0)
		stun_put(pen, STUN_ATTR_EVEN_PORT, &reserve, 1);
	else if (strncmp(key, "token=", 6) == 0)
		put_token(pen, value);
	else if (strncmp(key, "fragment=", 9) == 0)
		stun_put(pen, STUN_ATTR_DONT_FRAGMENT, NULL, 0);
	else if (strncmp(key, "transport=", 10) == 0)
		*transport = (uint8_t)words_number(value);
	else
		words_die("allocate: no key %s", key);
}

void
phrase_put_allocate(struct pen *pen, char *const *words, int count)
{
	uint8_t transport = STUN_TRANSPORT_UDP;

	for (int i = 0; i < count; i++) {
		const char *value = strchr(words[i], '=');

		if (value == NULL)
			words_die("allocate: no value: %s", words[i]);
		put_word(pen, words[i], value + 1, &transport);
	}
	put_u8(pen, STUN_ATTR_REQUESTED_TRANSPORT, transport);
}

void
phrase_print_addr(const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	printf(" %s=%s", key, addr_format(a, text));
}

static void
print_hex(const char *key, const struct stun_attr *at)
{
	printf(" %s=", key);
	for (unsigned i = 0; i < at->len; i++)
		printf("%02x", at->value[i]);
}

/* ALTERNATE-SERVER is not xored. */
static bool
read_plain_addr(struct addr *out, const struct stun_attr *at)
{
	if (at->len != 8 && at->len != 20)
		return false;
	addr_make(out, at->value + 4, at->len - 4,
	    (uint16_t)(at->value[2] << 8 | at->value[3]));
	return true;
}

void
phrase_print_reply(const struct stun_msg *m)
{
	struct addr a;
	uint32_t v;
	int nth = 0;

	for (unsigned i = 0; i < m->count; i++) {
		const struct stun_attr *at = &m->attrs[i];

		if (at->type == STUN_ATTR_XOR_MAPPED_ADDRESS &&
		    stun_attr_xor_addr(&a, m, at) == 0)
			phrase_print_addr("mapped", &a);
		if (at->type == STUN_ATTR_XOR_RELAYED_ADDRESS &&
		    stun_attr_xor_addr(&a, m, at) == 0)
			phrase_print_addr(
			    nth++ == 0 ? "relayed" : "relayed2", &a);
		if (at->type == STUN_ATTR_LIFETIME &&
		    stun_attr_u32(&v, at) == 0)
			printf(" lifetime=%" PRIu32, v);
		if (at->type == STUN_ATTR_ALTERNATE_SERVER &&
		    read_plain_addr(&a, at))
			phrase_print_addr("alternate", &a);
		if (at->type == STUN_ATTR_RESERVATION_TOKEN)
			print_hex("token", at);
	}
}
