/*
 * text: one message as it will be sent, shared by all that have to send it.
 *
 * Frozen once made.  Counted: any thread may take and put.
 */
#ifndef RELAY_SIGNALLING_TEXT_H
#define RELAY_SIGNALLING_TEXT_H

#include <stddef.h>

struct signal_text;

/* An own copy of len bytes, count 1.  NULL: memory is short. */
struct signal_text *signal_text_new(const void *data, size_t len);
/* To be written by its maker, before anybody else has it: room bytes at *at,
 * of which signal_text_cut keeps len. */
struct signal_text *signal_text_make(size_t room, char **at);
void signal_text_cut(struct signal_text *t, size_t len);
struct signal_text *signal_text_get(struct signal_text *t);
void signal_text_put(struct signal_text *t); /* NULL is legal */
const char *signal_text_data(const struct signal_text *t);
size_t signal_text_len(const struct signal_text *t);

#endif
