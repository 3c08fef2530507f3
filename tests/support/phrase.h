/* phrase: STUN attributes as KEY=VALUE words that scripts write and read. */
#ifndef TESTS_SUPPORT_PHRASE_H
#define TESTS_SUPPORT_PHRASE_H

#include "common/stun/msg.h"

/*
 * Appends the attributes of an Allocate: family=4|6 additional=6 lifetime=S
 * even=1 token=HEX fragment=1 transport=N (17 unless told).  A word it does
 * not know ends the program (words_die).
 */
void phrase_put_allocate(struct pen *pen, char *const *words, int count);

/* Prints " relayed=.. relayed2=.. mapped=.. lifetime=.. token=.." of m. */
void phrase_print_reply(const struct stun_msg *m);
/* Prints " key=address". */
void phrase_print_addr(const char *key, const struct addr *a);

#endif
