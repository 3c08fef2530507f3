/* dns: an answer of any bytes gives a word or a failure, the same each time;
 * a failure says nothing. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/site_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* exactly as long as it is, so that a read beyond is seen */
	uint8_t *answer = malloc(size + 1);
	const char *why = NULL;
	struct policy_site one, two;
	enum site_dns_outcome outcome;

	if (answer == NULL)
		return 0;
	if (size > 0)
		memcpy(answer, data, size);
	outcome = site_dns_read(&one, &why, answer, size);
	if (why == NULL || outcome != site_dns_read(&two, &why, answer, size) ||
	    one.records != two.records || one.relay != two.relay ||
	    one.rate != two.rate || one.month != two.month)
		abort();
	if (outcome != SITE_DNS_FOUND && one.records != 0)
		abort();
	free(answer);
	return 0;
}
