/* zone: whatever a tz file or rule says, every time has its place. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t times[] = { INT64_C(-62135596800), -1, 0, 946684800,
	1774746000, 1774749599, 1792890000, INT64_C(253402300799) };

static void
check(struct zone *z)
{
	char text[DATE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const int64_t s = times[i];
		const int32_t offset = zone_offset(z, s);

		if (offset < -26 * 3600 || offset > 26 * 3600)
			abort();
		/* a summer of less than two days may hide the first */
		if (llabs(zone_when(z, s + offset) - s) > 52 * 3600)
			abort();
		if (strlen(zone_format(z, s, text)) >= DATE_TEXT_MAX)
			abort();
	}
	zone_free(z);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct zone *z;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (zone_parse(&z, data, size) == 0)
		check(z);
	if (zone_of_rule(&z, text) == 0)
		check(z);
	free(text);
	return 0;
}
