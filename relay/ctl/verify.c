#include "ctl/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/chain.h"
#include "common/hex.h"
#include "common/mem.h"
#include "common/secret.h"
#include "ctl/ctl.h"

enum {
	KEY_DIGITS = 2 * SIGNATURE_PUBLIC_LEN,
	FAULTS_SHOWN = 20,
};

struct file {
	const char *name;
	uint64_t first; /* seq; 0: not to be told */
};

struct run {
	FILE *out;
	const struct ctl_verify *v;
	struct chain_check check;
	struct file *files;
	json_t *faults;
	uint64_t lines;
	uint64_t faults_found;
};

static int
complain(const char *name, int rc)
{
	fprintf(stderr, "supernodectl: %s: %s\n", name, code_text(rc));
	return rc;
}

/* ---- what was said on the command line */

static int
read_key(uint8_t key[SIGNATURE_PUBLIC_LEN], const char *text)
{
	char *from_file = NULL;
	int rc = EINVAL;

	if (strlen(text) == KEY_DIGITS)
		rc = hex_read(key, SIGNATURE_PUBLIC_LEN, text);
	if (rc != 0 && (rc = secret_load(&from_file, text)) == 0)
		rc = strlen(from_file) == KEY_DIGITS
		    ? hex_read(key, SIGNATURE_PUBLIC_LEN, from_file)
		    : EINVAL;
	secret_free(from_file);
	return rc == 0 ? 0 : complain(text, rc);
}

static int
read_seal(struct chain_check *k, const char *path)
{
	struct chain_seal seal;
	char *text = NULL;
	int rc;

	if ((rc = secret_load(&text, path)) == 0)
		rc = chain_seal_read(&seal, text);
	secret_free(text);
	if (rc != 0)
		return complain(path, rc);
	chain_check_expect(k, &seal);
	return 0;
}

static int
prepare(struct run *r)
{
	uint8_t key[SIGNATURE_PUBLIC_LEN];
	int rc;

	if (r->v->key != NULL && (rc = read_key(key, r->v->key)) != 0)
		return rc;
	chain_check_init(&r->check, r->v->key != NULL ? key : NULL);
	return r->v->head != NULL ? read_seal(&r->check, r->v->head) : 0;
}

/* ---- files, in the order of their first lines */

static int
look_at(struct file *f, const char *name)
{
	struct chain first;
	char *line = NULL;
	size_t room = 0;
	FILE *in = fopen(name, "r");
	ssize_t n;

	if (in == NULL)
		return complain(name, errno);
	*f = (struct file){ .name = name };
	n = getline(&line, &room, in);
	if (n > 0 && chain_read(&first, line, (size_t)n - 1) == 0)
		f->first = first.seq;
	free(line);
	fclose(in);
	return 0;
}

static int
by_first(const void *a, const void *b)
{
	const struct file *fa = a, *fb = b;

	return (fa->first > fb->first) - (fa->first < fb->first);
}

static int
look_at_all(struct run *r)
{
	int rc;

	if ((r->files = mem_try((size_t)r->v->count, sizeof(*r->files))) ==
	    NULL)
		return complain("audit verify", ENOMEM);
	for (int i = 0; i < r->v->count; i++)
		if ((rc = look_at(&r->files[i], r->v->file[i])) != 0)
			return rc;
	qsort(r->files, (size_t)r->v->count, sizeof(*r->files), by_first);
	return 0;
}

/* ---- faults */

/* line 0: of the end. */
static void
note(struct run *r, const char *name, uint64_t line, const char *what)
{
	if (r->faults_found++ >= FAULTS_SHOWN)
		return;
	json_array_append_new(r->faults,
	    json_pack("{s:s,s:I,s:s}", "file", name, "line", (json_int_t)line,
		"fault", what));
	if (r->v->is_json)
		return;
	if (line > 0)
		fprintf(r->out, "%s:%" PRIu64 ": %s\n", name, line, what);
	else
		fprintf(r->out, "%s: %s\n", name, what);
}

static void
note_fault(struct run *r, const char *name, uint64_t line, enum chain_fault f,
    uint64_t seq_before)
{
	const struct chain_check *k = &r->check;
	char what[160];

	if (f == CHAIN_MISSING)
		snprintf(what, sizeof(what),
		    "%s before this one: number %" PRIu64
		    " stands where %" PRIu64 " should",
		    chain_fault_text(f), k->at.seq, seq_before + 1);
	else if (f == CHAIN_BAD_SIGNATURE)
		snprintf(what, sizeof(what), "%s, from number %" PRIu64 " on",
		    chain_fault_text(f), k->sealed_seq + 1);
	else
		snprintf(what, sizeof(what), "%s", chain_fault_text(f));
	note(r, name, line, what);
}

static int
check_file(struct run *r, const struct file *file)
{
	FILE *in = fopen(file->name, "r");
	uint64_t line_no = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (in == NULL)
		return complain(file->name, errno);
	while ((n = getline(&line, &room, in)) > 0) {
		const uint64_t seq = r->check.at.seq;
		enum chain_fault f;

		line_no++;
		r->lines++;
		if (line[n - 1] != '\n') {
			note(r, file->name, line_no, "line cut off");
			break;
		}
		f = chain_check_line(&r->check, line, (size_t)n - 1);
		if (f != CHAIN_GOOD)
			note_fault(r, file->name, line_no, f, seq);
	}
	if (line_no == 0)
		note(r, file->name, 0, "holds nothing");
	free(line);
	fclose(in);
	return 0;
}

static void
check_end(struct run *r)
{
	const enum chain_fault f = chain_check_end(&r->check);
	char what[160];

	if (f == CHAIN_GOOD)
		return;
	snprintf(what, sizeof(what),
	    "%s: there were %" PRIu64 ", the last one here is %" PRIu64,
	    chain_fault_text(f), r->check.seal.at.seq, r->check.at.seq);
	note(r, r->files[r->v->count - 1].name, 0,
	    f == CHAIN_CUT ? what : chain_fault_text(f));
}

/* ---- what is told */

static void
print_text(const struct run *r, const char *key)
{
	const struct chain_check *k = &r->check;

	if (r->faults_found > FAULTS_SHOWN)
		fprintf(r->out, "... and %" PRIu64 " more\n",
		    r->faults_found - FAULTS_SHOWN);
	fprintf(r->out,
	    "%s: %" PRIu64 " lines, numbers %" PRIu64 " to %" PRIu64 "\n",
	    r->faults_found == 0 ? "good" : "NOT AS IT WAS WRITTEN", r->lines,
	    k->first, k->at.seq);
	if (k->has_key)
		fprintf(r->out, "key: %s%s\n", key,
		    k->is_key_given ? "" : " (as the log says; see --key)");
	if (k->at.seq > k->sealed_seq)
		fprintf(r->out,
		    "the last %" PRIu64 " lines are not signed yet\n",
		    k->at.seq - k->sealed_seq);
}

static void
print_json(const struct run *r, const char *key)
{
	const struct chain_check *k = &r->check;
	json_t *j = json_pack("{s:b,s:I,s:I,s:I,s:I,s:s,s:b,s:I,s:O}", "good",
	    r->faults_found == 0, "lines", (json_int_t)r->lines, "first",
	    (json_int_t)k->first, "last", (json_int_t)k->at.seq, "sealed",
	    (json_int_t)k->sealed_seq, "key", k->has_key ? key : "",
	    "key_given", k->is_key_given, "faults_found",
	    (json_int_t)r->faults_found, "faults", r->faults);

	json_dumpf(j, r->out, JSON_INDENT(2));
	fputc('\n', r->out);
	json_decref(j);
}

static int
check_all(struct run *r)
{
	char key[KEY_DIGITS + 1];

	for (int i = 0; i < r->v->count; i++)
		if (check_file(r, &r->files[i]) != 0)
			return CTL_UNREACHABLE;
	check_end(r);
	hex_write(key, r->check.key, SIGNATURE_PUBLIC_LEN);
	if (r->v->is_json)
		print_json(r, key);
	else
		print_text(r, key);
	return r->faults_found == 0 ? CTL_OK : CTL_REFUSED;
}

int
ctl_verify(FILE *out, const struct ctl_verify *v)
{
	struct run r = { .out = out, .v = v, .faults = json_array() };
	int rc = CTL_UNREACHABLE;

	if (v->count < 1) {
		fputs("usage: supernodectl audit verify [--key KEY] "
		      "[--head FILE] FILE...\n",
		    stderr);
		rc = CTL_USAGE;
	} else if (prepare(&r) == 0 && look_at_all(&r) == 0) {
		rc = check_all(&r);
	}
	mem_free(r.files);
	json_decref(r.faults);
	return rc;
}
