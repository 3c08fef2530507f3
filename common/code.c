#include "common/code.h"

#include <stddef.h>
#include <string.h>

static const struct {
	int code;
	const char *text;
} phrases[] = {
	{ 300, "Try Alternate" },
	{ 400, "Bad Request" },
	{ 401, "Unauthenticated" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 420, "Unknown Attribute" },
	{ 429, "Too Many Requests" },
	{ 437, "Allocation Mismatch" },
	{ 438, "Stale Nonce" },
	{ 440, "Address Family not Supported" },
	{ 441, "Wrong Credentials" },
	{ 442, "Unsupported Transport Protocol" },
	{ 443, "Peer Address Family Mismatch" },
	{ 446, "Connection Already Exists" },
	{ 447, "Connection Timeout or Failure" },
	{ 486, "Allocation Quota Reached" },
	{ 487, "Role Conflict" },
	{ 500, "Server Error" },
	{ 503, "Service Unavailable" },
	{ 508, "Insufficient Capacity" },
};

static const char *
find_phrase(int code)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].code == code)
			return phrases[i].text;
	}
	return NULL;
}

const char *
code_text(int code)
{
	const char *text;

	/* strerrordesc_np neither translates nor keeps state */
	if (code >= 0 && code < CODE_ERRNO_END)
		text = strerrordesc_np(code);
	else
		text = find_phrase(code);
	return text != NULL ? text : "Unknown Error";
}
