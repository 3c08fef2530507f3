#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/ctl.h"

/* Returns what is printed of text, to be freed. */
static char *
print(const char *text)
{
	json_t *answer = json_loads(text, 0, NULL);
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(answer);
	ctl_memory_print(f, answer);
	fclose(f);
	json_decref(answer);
	return out;
}

static void
test_figures_and_objects_are_tables(void **state)
{
	char *text = print(
	    "{\"process\":{\"resident_bytes\":5000000},\"memory\":{"
	    "\"heap\":{\"allocated\":1000,\"active\":20000},"
	    "\"objects\":{\"channels\":{\"count\":1234,\"bytes_each\":128,"
	    "\"bytes\":65600},"
	    "\"tables\":{\"count\":1,\"bytes_each\":0,\"bytes\":512}},"
	    "\"other\":700}}");

	(void)state;
	assert_string_equal(text,
	    "resident: 5.00 MB\n"
	    "\n"
	    "jemalloc's figures\n"
	    "  allocated  1.00 kB\n"
	    "  active     20.0 kB\n"
	    "\n"
	    "  objects   in use   each     held\n"
	    "  channels   1 234  128 B  65.6 kB\n"
	    "  tables         1           512 B\n"
	    "  other                      700 B\n");
	free(text);
}

static void
test_another_allocator_is_said(void **state)
{
	char *text = print("{\"memory\":{\"heap\":null,\"objects\":{},"
			   "\"other\":null}}");

	(void)state;
	assert_non_null(strstr(text, "jemalloc's figures: not available\n"));
	assert_null(strstr(text, "other"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures_and_objects_are_tables),
		cmocka_unit_test(test_another_allocator_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
