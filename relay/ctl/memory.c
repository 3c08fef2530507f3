#include "ctl/answer.h"
#include "ctl/ctl.h"
#include "ctl/text.h"

static void
row(struct ctl_text_table *t, const char *name, uint64_t bytes)
{
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, name);
	ctl_text_cell(t, ctl_text_bytes(bytes, text));
}

static void
print_heap(FILE *out, const json_t *memory)
{
	const json_t *heap = json_object_get(memory, "heap");
	struct ctl_text_table *t;
	const json_t *value;
	const char *key;

	if (!json_is_object(heap)) {
		fputs("jemalloc's figures: not available\n", out);
		return;
	}
	t = ctl_text_table_new("lr");
	fputs("jemalloc's figures\n", out);
	json_object_foreach((json_t *)heap, key, value)
	{
		row(t, key, (uint64_t)json_integer_value(value));
	}
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

static void
add_object(struct ctl_text_table *t, const char *name, const json_t *o)
{
	const uint64_t each = ctl_answer_number(o, "bytes_each");
	char text[CTL_TEXT_MAX];

	ctl_text_cell(t, name);
	ctl_text_cell(t, ctl_text_count(ctl_answer_number(o, "count"), text));
	ctl_text_cell(t, each == 0 ? "" : ctl_text_bytes(each, text));
	ctl_text_cell(t, ctl_text_bytes(ctl_answer_number(o, "bytes"), text));
}

static void
print_objects(FILE *out, const json_t *memory)
{
	struct ctl_text_table *t = ctl_text_table_new("lrrr");
	const json_t *other = json_object_get(memory, "other");
	char text[CTL_TEXT_MAX];
	const json_t *value;
	const char *key;

	ctl_text_cell(t, "objects");
	ctl_text_cell(t, "in use");
	ctl_text_cell(t, "each");
	ctl_text_cell(t, "held");
	json_object_foreach(json_object_get(memory, "objects"), key, value)
	{
		add_object(t, key, value);
	}
	if (json_is_integer(other)) {
		ctl_text_cell(t, "other");
		ctl_text_cell(t, "");
		ctl_text_cell(t, "");
		ctl_text_cell(t,
		    ctl_text_bytes((uint64_t)json_integer_value(other), text));
	}
	fputc('\n', out);
	ctl_text_table_print(t, out, "  ");
	ctl_text_table_free(t);
}

void
ctl_memory_print(FILE *out, const json_t *s)
{
	const json_t *process = json_object_get(s, "process");
	const json_t *memory = json_object_get(s, "memory");
	char text[CTL_TEXT_MAX];

	fprintf(out, "resident: %s\n\n",
	    ctl_text_bytes(ctl_answer_number(process, "resident_bytes"), text));
	print_heap(out, memory);
	print_objects(out, memory);
}
