/* units: what is read, written and read again is the same number. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	int (*parse)(uint64_t *out, const char *text, const char **why);
	const char *(*format)(uint64_t n, char text[UNITS_TEXT_MAX]);
} kinds[] = {
	{ units_rate, units_format_rate },
	{ units_size, units_format_size },
	{ units_time, units_format_time },
};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[UNITS_TEXT_MAX];
	/* exactly as long as its text, so that a read beyond is seen */
	char *input = malloc(size + 1);

	if (input == NULL)
		return 0;
	if (size > 0)
		memcpy(input, data, size);
	input[size] = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *why = NULL;
		uint64_t n, again;

		if (kinds[i].parse(&n, input, &why) != 0) {
			if (why == NULL)
				abort();
			continue;
		}
		kinds[i].format(n, text);
		if (kinds[i].parse(&again, text, &why) != 0 || again != n)
			abort();
	}
	free(input);
	return 0;
}
