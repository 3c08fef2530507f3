#include "tests/support/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
words_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("probe: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

long
words_number(const char *text)
{
	char *end;
	long v = strtol(text, &end, 0);

	if (*text == '\0' || *end != '\0')
		words_die("not a number: %s", text);
	return v;
}

struct addr
words_address(const char *text)
{
	struct addr a;

	if (addr_parse(&a, text) != 0)
		words_die("not an address: %s", text);
	return a;
}

size_t
words_hex(uint8_t *out, size_t size, const char *text)
{
	size_t n = strlen(text) / 2;
	unsigned v;

	if (n > size)
		words_die("too much hex");
	for (size_t i = 0; i < n; i++) {
		if (sscanf(text + 2 * i, "%2x", &v) != 1)
			words_die("not hex: %s", text);
		out[i] = (uint8_t)v;
	}
	return n;
}
