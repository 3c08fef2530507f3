#include "turn/nonce.h"

#include <string.h>

#include "common/digest.h"
#include "common/secret.h"

enum {
	COOKIE_LEN = 13, /* "obMatJos2" and four letters of features */
	TIME_LEN = 4,
	MAC_LEN = 8, /* truncated: guessing costs 2^63 requests */
	RAW_LEN = TIME_LEN + MAC_LEN,
	TEXT_LEN = RAW_LEN / 3 * 4,
	FEATURES_MASK = 0xFFFFFF,
};

static const char cookie[] = "obMatJos2";

/* base64 (RFC 4648, section 4), never padded here */
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789+/";

static void
put_letters(char out[4], uint32_t bits)
{
	for (unsigned i = 0; i < 4; i++)
		out[i] = letters[bits >> (18 - 6 * i) & 63];
}

static void
put_text(char out[TEXT_LEN], const uint8_t raw[RAW_LEN])
{
	for (unsigned i = 0; i < RAW_LEN; i += 3, out += 4)
		put_letters(out,
		    (uint32_t)raw[i] << 16 | (uint32_t)raw[i + 1] << 8 |
			raw[i + 2]);
}

/* Four letters as 24 bits; false when one is none. */
static bool
read_letters(uint32_t *bits, const char text[4])
{
	uint32_t n = 0;

	for (unsigned i = 0; i < 4; i++) {
		const char *at = memchr(letters, text[i], 64);

		if (at == NULL)
			return false;
		n = n << 6 | (uint32_t)(at - letters);
	}
	*bits = n;
	return true;
}

static bool
read_text(uint8_t raw[RAW_LEN], const char text[TEXT_LEN])
{
	uint32_t bits;

	for (unsigned i = 0; i < RAW_LEN; i += 3, text += 4) {
		if (!read_letters(&bits, text))
			return false;
		raw[i] = (uint8_t)(bits >> 16);
		raw[i + 1] = (uint8_t)(bits >> 8);
		raw[i + 2] = (uint8_t)bits;
	}
	return true;
}

static void
put_u32(uint8_t out[4], uint32_t v)
{
	out[0] = (uint8_t)(v >> 24);
	out[1] = (uint8_t)(v >> 16);
	out[2] = (uint8_t)(v >> 8);
	out[3] = (uint8_t)v;
}

/* raw = time, HMAC(time, features, port, host) */
static void
make_raw(uint8_t raw[RAW_LEN], const struct turn_nonce_key *key,
    const struct addr *client, uint32_t time, unsigned features)
{
	const uint16_t port = addr_port(client);
	uint8_t head[TIME_LEN + 4 + 2], mac[DIGEST_SHA256_LEN];
	struct digest_part parts[2] = { { head, sizeof(head) } };

	put_u32(head, time);
	put_u32(head + TIME_LEN, features);
	head[TIME_LEN + 4] = (uint8_t)(port >> 8);
	head[TIME_LEN + 5] = (uint8_t)port;
	parts[1].data = addr_host(client, &parts[1].len);
	digest_hmac(mac, DIGEST_SHA256,
	    (struct digest_part){ key->bytes, sizeof(key->bytes) }, parts, 2);
	memcpy(raw, head, TIME_LEN);
	memcpy(raw + TIME_LEN, mac, MAC_LEN);
}

size_t
turn_nonce_make(char out[TURN_NONCE_MAX], const struct turn_nonce_key *key,
    const struct addr *client, int64_t now_s, unsigned features)
{
	uint8_t raw[RAW_LEN];
	size_t len = 0;

	_Static_assert(COOKIE_LEN + TEXT_LEN <= TURN_NONCE_MAX, "room");
	if (features != 0) {
		memcpy(out, cookie, sizeof(cookie) - 1);
		put_letters(out + sizeof(cookie) - 1, features & FEATURES_MASK);
		len = COOKIE_LEN;
	}
	make_raw(raw, key, client, (uint32_t)now_s, features);
	put_text(out + len, raw);
	return len + TEXT_LEN;
}

unsigned
turn_nonce_claims(const void *nonce, size_t len)
{
	const char *const text = nonce;
	uint32_t bits;

	if (len < COOKIE_LEN || memcmp(text, cookie, sizeof(cookie) - 1) != 0 ||
	    !read_letters(&bits, text + sizeof(cookie) - 1))
		return 0;
	return bits;
}

int
turn_nonce_check(unsigned *features, const struct turn_nonce_key *key,
    const struct addr *client, int64_t now_s, const void *nonce, size_t len)
{
	const unsigned claims = turn_nonce_claims(nonce, len);
	const size_t skip = claims != 0 ? COOKIE_LEN : 0;
	uint8_t raw[RAW_LEN], want[RAW_LEN];
	uint32_t time;

	if (len != skip + TEXT_LEN ||
	    !read_text(raw, (const char *)nonce + skip))
		return 438;
	time = (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 |
	    (uint32_t)raw[2] << 8 | raw[3];
	make_raw(want, key, client, time, claims);
	if (!secret_equal(want, raw, sizeof(want)))
		return 438;
	/* unsigned: a time to come is as old as can be */
	if ((uint32_t)now_s - time > TURN_NONCE_LIFETIME_S)
		return 438;
	*features = claims;
	return 0;
}
