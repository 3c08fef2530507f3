#include "ctl/answer.h"

uint64_t
ctl_answer_number(const json_t *from, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(from, key));
}

const char *
ctl_answer_string(const json_t *from, const char *key, const char *missing)
{
	const char *s = json_string_value(json_object_get(from, key));

	return s != NULL ? s : missing;
}
