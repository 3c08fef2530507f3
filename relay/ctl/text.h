/*
 * text: numbers and tables as people read them.
 *
 * What came from outside (user names) is shown without control characters.
 */
#ifndef RELAY_CTL_TEXT_H
#define RELAY_CTL_TEXT_H

#include <stdint.h>
#include <stdio.h>

enum { CTL_TEXT_MAX = 32, CTL_TEXT_COLUMNS_MAX = 12 };

/* "0 B", "999 B", "1.00 kB", "12.3 MB", "1.23 GB" (powers of 1000). */
const char *ctl_text_bytes(uint64_t bytes, char text[CTL_TEXT_MAX]);
/* "0 bit/s", "1.23 Mbit/s" */
const char *ctl_text_rate(uint64_t bits, char text[CTL_TEXT_MAX]);
/* "1 234 567" */
const char *ctl_text_count(uint64_t n, char text[CTL_TEXT_MAX]);
/* "59 s", "1 min 1 s", "1 h 1 min", "2 d 3 h" */
const char *ctl_text_time(int64_t seconds, char text[CTL_TEXT_MAX]);

/* A table: its columns are as wide as their widest cell. */
struct ctl_text_table;
/* align: one character a column, 'l' or 'r'; borrowed. */
struct ctl_text_table *ctl_text_table_new(const char *align);
void ctl_text_table_free(struct ctl_text_table *t);
/* Copies cell; rows fill from the left. */
void ctl_text_cell(struct ctl_text_table *t, const char *cell);
/* A row of two. */
void
ctl_text_row(struct ctl_text_table *t, const char *name, const char *value);
/* Writes all rows, each behind indent. */
void ctl_text_table_print(
    const struct ctl_text_table *t, FILE *out, const char *indent);

#endif
