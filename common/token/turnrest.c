#include "common/token/turnrest.h"

#include <errno.h>
#include <string.h>

#include "common/digest.h"

/* All digits, and few enough for an int64_t?  Then *out is their value. */
static bool
read_expiry(int64_t *out, const char *text, size_t len)
{
	int64_t n = 0;

	if (len == 0 || len > TURNREST_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (text[i] - '0');
	}
	*out = n;
	return true;
}

int
turnrest_parse(struct turnrest_name *out, const char *username, size_t len)
{
	const char *const end = username + len;
	const char *colon;
	int64_t expiry;

	/* "expiry" */
	if (len == 0 || (colon = memchr(username, ':', len)) == NULL) {
		if (!read_expiry(&expiry, username, len))
			return EINVAL;
		*out = (struct turnrest_name){ expiry, end, 0 };
		return 0;
	}
	/* "expiry:user" */
	if (read_expiry(&expiry, username, (size_t)(colon - username))) {
		*out = (struct turnrest_name){ expiry, colon + 1,
			(size_t)(end - colon) - 1 };
		return 0;
	}
	/* "user:expiry" */
	colon = memrchr(username, ':', len);
	if (!read_expiry(&expiry, colon + 1, (size_t)(end - colon) - 1))
		return EINVAL;
	*out = (struct turnrest_name){ expiry, username,
		(size_t)(colon - username) };
	return 0;
}

static void
put_base64(char *out, const uint8_t *data, size_t len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		const unsigned b = i + 1 < len ? data[i + 1] : 0;
		const unsigned c = i + 2 < len ? data[i + 2] : 0;
		const unsigned n = (unsigned)data[i] << 16 | b << 8 | c;

		*out++ = letters[n >> 18];
		*out++ = letters[n >> 12 & 63];
		*out++ = '=';
		*out++ = '=';
		if (i + 1 < len)
			out[-2] = letters[n >> 6 & 63];
		if (i + 2 < len)
			out[-1] = letters[n & 63];
	}
	*out = '\0';
}

void
turnrest_password(char out[TURNREST_PASSWORD_MAX], const char *secret,
    const char *username, size_t len)
{
	const struct digest_part key = { secret, strlen(secret) };
	const struct digest_part name = { username, len };
	uint8_t mac[DIGEST_SHA1_LEN];

	digest_hmac(mac, DIGEST_SHA1, key, &name, 1);
	put_base64(out, mac, sizeof(mac));
}
