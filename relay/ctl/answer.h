/* answer: values out of what the server answered. */
#ifndef RELAY_CTL_ANSWER_H
#define RELAY_CTL_ANSWER_H

#include <jansson.h>
#include <stdint.h>

/* 0 where there is none. */
uint64_t ctl_answer_number(const json_t *from, const char *key);
/* Borrowed from the answer; missing where there is none. */
const char *
ctl_answer_string(const json_t *from, const char *key, const char *missing);

#endif
