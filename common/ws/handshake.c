#include "common/ws/handshake.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "common/digest.h"

/* section 1.3 */
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* The value of a base64 character, -1 for any other. */
static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

bool
ws_key_is_valid(const char *text)
{
	enum { DIGITS = WS_KEY_LEN - 2 };

	if (strlen(text) != WS_KEY_LEN || strcmp(text + DIGITS, "==") != 0)
		return false;
	for (int i = 0; i < DIGITS; i++) {
		if (value_of(text[i]) < 0)
			return false;
	}
	/* 22 digits are 132 bits, 4 more than 16 bytes have */
	return (value_of(text[DIGITS - 1]) & 15) == 0;
}

const char *
ws_key_accept(char out[WS_ACCEPT_MAX], const char *key)
{
	const struct digest_part parts[] = {
		{ key, strlen(key) },
		{ guid, sizeof(guid) - 1 },
	};
	uint8_t hash[DIGEST_SHA1_LEN];

	digest_hash(hash, DIGEST_SHA1, parts, 2);
	EVP_EncodeBlock((unsigned char *)out, hash, sizeof(hash));
	return out;
}

bool
ws_list_has(const char *list, const char *token)
{
	static const char blank[] = " \t";
	const size_t len = strlen(token);

	for (;;) {
		size_t item;

		list += strspn(list, " \t,");
		if (*list == '\0')
			return false;
		item = strcspn(list, ",");
		while (item > 0 && strchr(blank, list[item - 1]) != NULL)
			item--;
		if (item == len && strncasecmp(list, token, len) == 0)
			return true;
		list += strcspn(list, ",");
	}
}
