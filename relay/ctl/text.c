#include "ctl/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "common/list.h"
#include "common/mem.h"

struct cell {
	struct list node;
	char *text; /* ours */
};

struct ctl_text_table {
	const char *align; /* borrowed */
	unsigned columns;
	int width[CTL_TEXT_COLUMNS_MAX];
	unsigned at; /* column of the next cell */
	struct list cells;
};

static const char *
scaled(uint64_t n, const char *unit, char text[CTL_TEXT_MAX])
{
	static const char prefix[] = " kMGTPE";
	double v = (double)n;
	int p = 0;

	/* 999.5 would be printed as 1000 */
	while (v >= 999.5 && prefix[p + 1] != '\0') {
		v /= 1000;
		p++;
	}
	if (p == 0)
		snprintf(text, CTL_TEXT_MAX, "%" PRIu64 " %s", n, unit);
	else
		snprintf(text, CTL_TEXT_MAX, "%.*f %c%s",
		    v < 9.995       ? 2
			: v < 99.95 ? 1
				    : 0,
		    v, prefix[p], unit);
	return text;
}

const char *
ctl_text_bytes(uint64_t bytes, char text[CTL_TEXT_MAX])
{
	return scaled(bytes, "B", text);
}

const char *
ctl_text_rate(uint64_t bits, char text[CTL_TEXT_MAX])
{
	return scaled(bits, "bit/s", text);
}

const char *
ctl_text_count(uint64_t n, char text[CTL_TEXT_MAX])
{
	char digits[CTL_TEXT_MAX];
	const int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	int out = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[out++] = ' ';
		text[out++] = digits[i];
	}
	text[out] = '\0';
	return text;
}

const char *
ctl_text_time(int64_t s, char text[CTL_TEXT_MAX])
{
	if (s < 60)
		snprintf(text, CTL_TEXT_MAX, "%" PRId64 " s", s);
	else if (s < 3600)
		snprintf(text, CTL_TEXT_MAX, "%" PRId64 " min %" PRId64 " s",
		    s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, CTL_TEXT_MAX, "%" PRId64 " h %" PRId64 " min",
		    s / 3600, s / 60 % 60);
	else
		snprintf(text, CTL_TEXT_MAX, "%" PRId64 " d %" PRId64 " h",
		    s / 86400, s / 3600 % 24);
	return text;
}

/* ---- tables */

struct ctl_text_table *
ctl_text_table_new(const char *align)
{
	struct ctl_text_table *t = mem_must(1, sizeof(*t));

	assert(strlen(align) <= CTL_TEXT_COLUMNS_MAX && align[0] != '\0');
	t->align = align;
	t->columns = (unsigned)strlen(align);
	list_init(&t->cells);
	return t;
}

void
ctl_text_table_free(struct ctl_text_table *t)
{
	struct list *n, *next;

	if (t == NULL)
		return;
	LIST_EACH_SAFE (n, next, &t->cells) {
		struct cell *c = LIST_ITEM(n, struct cell, node);

		mem_free(c->text);
		mem_free(c);
	}
	mem_free(t);
}

/* Characters, not bytes: UTF-8 continuation bytes take no room. */
static int
columns_of(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* A terminal obeys C0, DEL and (as UTF-8: c2 80 to c2 9f) C1. */
static void
defuse(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = '?';
	}
}

void
ctl_text_cell(struct ctl_text_table *t, const char *text)
{
	const size_t size = strlen(text) + 1;
	struct cell *c = mem_must(1, sizeof(*c));
	int width;

	c->text = mem_must(1, size);
	memcpy(c->text, text, size);
	defuse(c->text);
	width = columns_of(c->text);
	if (width > t->width[t->at])
		t->width[t->at] = width;
	t->at = (t->at + 1) % t->columns;
	list_append(&t->cells, &c->node);
}

/* Blanks are owed until something follows them: no line ends in one. */
static void
print_cell(FILE *out, const char *text, int pad, char align, int *owed)
{
	if (text[0] == '\0') {
		*owed += pad;
		return;
	}
	fprintf(out, "%*s%s", *owed + (align == 'r' ? pad : 0), "", text);
	*owed = align == 'r' ? 0 : pad;
}

void
ctl_text_row(struct ctl_text_table *t, const char *name, const char *value)
{
	ctl_text_cell(t, name);
	ctl_text_cell(t, value);
}

void
ctl_text_table_print(
    const struct ctl_text_table *t, FILE *out, const char *indent)
{
	const struct list *n;
	unsigned at = 0;
	int owed = 0;

	assert(t->at == 0); /* rows are whole */
	LIST_EACH (n, &t->cells) {
		const char *text = LIST_ITEM(n, struct cell, node)->text;

		if (at == 0) {
			fputs(indent, out);
			owed = 0;
		}
		print_cell(out, text, t->width[at] - columns_of(text),
		    t->align[at], &owed);
		owed += 2;
		if (++at == t->columns) {
			fputc('\n', out);
			at = 0;
		}
	}
}
