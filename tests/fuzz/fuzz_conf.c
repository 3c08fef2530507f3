/* fuzz: configuration text.  What loads must, when dumped, load again but
 * for its masked secrets; what does not must say why. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Overwrites the secrets' masks with a secret of the same length. */
static void
put_back(char *text)
{
	for (char *at = text; (at = strstr(at, "\"***\"")) != NULL; at += 5)
		memcpy(at, "\"abc\"", 5);
}

static void
check_round_trip(const struct snapshot *s)
{
	char why[SNAPSHOT_ERROR_MAX] = "", *text = NULL;
	struct snapshot *again = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	snapshot_dump(s, f);
	fclose(f);
	put_back(text);
	if (snapshot_load_text(&again, "dump", text, why) != 0) {
		fprintf(stderr, "%s\n%s\n", why, text);
		abort();
	}
	assert(again->caps.rate == s->caps.rate);
	assert(again->auth.user_count == s->auth.user_count);
	snapshot_free(again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[SNAPSHOT_ERROR_MAX] = "", *text;
	struct snapshot *s = NULL;

	if (size > 16 * 1024 || memchr(data, '\0', size) != NULL)
		return 0;
	if ((text = malloc(size + 1)) == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	/* no file of the machine is read: its secrets are none of ours */
	if (strstr(text, "secret-file") == NULL) {
		if (snapshot_load_text(&s, "fuzz", text, why) == 0)
			check_round_trip(s);
		else
			assert(strncmp(why, "fuzz:", 5) == 0);
		snapshot_free(s);
	}
	free(text);
	return 0;
}
