#include "net/percent.h"

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character that stands at *text, which moves behind it; -1: none that
 * may be there. */
static int
next(const char **text, bool is_form)
{
	const char *at = *text;
	int c = (unsigned char)*at++;

	if (c == '%') {
		const int high = digit(*at);
		const int low = high >= 0 ? digit(at[1]) : -1;

		if (low < 0)
			return -1;
		c = high << 4 | low;
		at += 2;
	} else if (c == '+' && is_form) {
		c = ' ';
	}
	*text = at;
	return c < ' ' || c == 0x7f ? -1 : c;
}

int
net_percent_decode(char *out, const char *text, size_t size, bool is_form)
{
	size_t len = 0;

	while (*text != '\0' && !(is_form && *text == '&')) {
		const int c = next(&text, is_form);

		if (c < 0 || len + 1 >= size)
			return -1;
		out[len++] = (char)c;
	}
	if (len >= size)
		return -1;
	out[len] = '\0';
	return (int)len;
}
