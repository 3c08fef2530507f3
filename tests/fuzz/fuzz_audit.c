/*
 * audit: a log of any bytes is checked line by line; what is good was written
 * so: the same line appended to the same chain.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(struct chain_check *k, const char *text, size_t len)
{
	/* exactly as long as it is, so that a read beyond is seen */
	char *line = malloc(len + 1);
	struct chain before = k->at, read;
	enum chain_fault f;

	if (line == NULL)
		return;
	memcpy(line, text, len);
	line[len] = '\0';
	f = chain_check_line(k, line, len);
	if (chain_fault_text(f)[0] == '?')
		abort();
	if ((f == CHAIN_NO_LINE) != (chain_read(&read, line, len) != 0))
		abort();
	if (f == CHAIN_GOOD && before.seq != 0 && k->at.seq != before.seq + 1)
		abort();
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *newline;
	struct chain_seal seal;
	struct chain_check k;
	char *text;

	if ((text = malloc(size + 1)) == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	chain_check_init(&k, NULL);
	if (chain_seal_read(&seal, text) == 0)
		chain_check_expect(&k, &seal);
	free(text);
	while (at < end) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL)
			newline = end;
		check(&k, at, (size_t)(newline - at));
		at = newline + 1;
	}
	(void)chain_check_end(&k);
	return 0;
}
