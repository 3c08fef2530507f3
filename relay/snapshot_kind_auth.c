#include <string.h>
#include <strings.h>

#include "common/addr.h"
#include "relay/snapshot_kind.h"

static void
print_text(FILE *out, const void *elem)
{
	snapshot_key_quote(out, *(char *const *)elem);
}

/* ---- where the keys of an issuer are */

/* Is the host of a URL, which begins at host, this machine? */
static bool
is_loopback(const char *host)
{
	const size_t len = strcspn(host, "/?#");
	char text[ADDR_TEXT_MAX];
	struct addr a;

	if (len >= sizeof(text))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	if (strcasecmp(text, "localhost") == 0 ||
	    strncasecmp(text, "localhost:", 10) == 0)
		return true;
	return addr_parse(&a, text) == 0 && addr_is_loopback(&a);
}

static const char *
parse_jwks(void *elem, const char *text, const struct snapshot_key *k)
{
	const char *host = strstr(text, "://");

	(void)elem;
	(void)k;
	if (*text == '\0')
		return "must be a file or an https:// URL";
	if (host == NULL)
		return snapshot_key_printable(text);
	host += 3;
	if (text[strcspn(text, " \t\"\\<>")] != '\0' || strchr("/?#", *host))
		return "is no URL";
	if (memchr(host, '@', strcspn(host, "/?#")) != NULL)
		return "must not name a user";
	if (strncmp(text, "https://", 8) == 0 ||
	    (strncmp(text, "http://", 7) == 0 && is_loopback(host)))
		return snapshot_key_printable(text);
	return "must be https://, or http:// to this machine: whoever could "
	       "change the keys on their way could sign tokens";
}

const struct snapshot_kind snapshot_kind_jwks = {
	.size = sizeof(char *),
	.is_text = true,
	.is_path = true,
	.parse = parse_jwks,
	.print = print_text,
};

/* ---- what a token says */

static const char *
parse_claim(void *elem, const char *text, const struct snapshot_key *k)
{
	(void)elem;
	if (*text == '\0' || strlen(text) > k->max)
		return "must have 1 to 512 bytes";
	return snapshot_key_printable(text);
}

const struct snapshot_kind snapshot_kind_claim = {
	.size = sizeof(char *),
	.is_text = true,
	.parse = parse_claim,
	.print = print_text,
};
