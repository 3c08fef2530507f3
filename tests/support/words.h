/*
 * words: reading what a script wrote.  A mistake in it ends the program with
 * a sentence: the script is wrong, not the server.
 */
#ifndef TESTS_SUPPORT_WORDS_H
#define TESTS_SUPPORT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

void
words_die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Decimal, or hexadecimal with 0x. */
long words_number(const char *text);
struct addr words_address(const char *text);
/* Returns how many bytes the hex digits are. */
size_t words_hex(uint8_t *out, size_t size, const char *text);

#endif
