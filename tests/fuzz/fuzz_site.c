/*
 * site: what a network published, as a record and as a file, reads the same
 * twice, never loosens what another says, and shows only what is printable.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	if (end == NULL)
		abort();
	for (; text < end; text++)
		if (*text < ' ' || *text > '~')
			abort();
}

static void
check(const struct policy_site *s)
{
	static const char strict[] =
	    "v=supernode1; relay=no; rate=1kbit/s; month=1kB";
	struct policy_site sum;

	check_text(s->contact, sizeof(s->contact));
	check_text(s->fault, sizeof(s->fault));
	if (s->fault[0] != '\0' && s->relay)
		abort();
	if (s->records == 0 && (!s->relay || s->rate != 0 || s->month != 0))
		abort();
	policy_site_init(&sum);
	policy_site_add(&sum, strict, strlen(strict));
	policy_site_merge(&sum, s);
	if (sum.relay || sum.rate == 0 || sum.rate > 1000 || sum.month == 0 ||
	    sum.month > 1000)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_site one, two, file;
	/* exactly as long as it is, so that a read beyond is seen */
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	policy_site_init(&one);
	policy_site_init(&two);
	policy_site_init(&file);
	policy_site_add(&one, text, size);
	policy_site_add(&two, text, size);
	policy_site_add_file(&file, text, size);
	policy_site_end(&one);
	policy_site_end(&two);
	policy_site_end(&file);
	check(&one);
	check(&file);
	if (one.relay != two.relay || one.rate != two.rate ||
	    one.month != two.month)
		abort();
	free(text);
	return 0;
}
