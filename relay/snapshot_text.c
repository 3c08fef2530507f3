#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "common/secret.h"
#include "relay/snapshot_load.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

/* Returns 0, or an errno when f does not end within len bytes. */
static int
read_text(char *text, size_t len, FILE *f)
{
	const size_t n = fread(text, 1, len + 1, f);

	if (ferror(f))
		return EIO;
	if (n > len)
		return EFBIG;
	if (memchr(text, '\0', n) != NULL)
		return EILSEQ;
	return 0;
}

int
snapshot_text_read(char **out, const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text = NULL;
	int rc = 0;

	if (f == NULL)
		return errno;
	if (fstat(fileno(f), &st) != 0)
		rc = errno;
	else if (S_ISDIR(st.st_mode))
		rc = EISDIR;
	else if ((text = mem_try(TEXT_MAX + 2, 1)) == NULL)
		rc = ENOMEM;
	else
		rc = read_text(text, TEXT_MAX, f);
	fclose(f);
	if (rc == 0)
		*out = text;
	else
		secret_free(text);
	return rc;
}

/* Where the scan stands. */
struct scan {
	char *at;
	int line;
	int depth;  /* of braces */
	int opened; /* line of the outermost open one */
};

static void
step(struct scan *s)
{
	if (*s->at++ == '\n')
		s->line++;
}

/* "${NAME}", the only form that is read; or no variable at all. */
static bool
is_variable_ok(const char *at)
{
	size_t n;

	if (at[0] != '$' || at[1] != '{')
		return true;
	for (n = 2; isalnum((unsigned char)at[n]) || at[n] == '_'; n++)
		continue;
	return n > 2 && at[n] == '}';
}

/* Steps over a string.  Returns NULL, or what is wrong. */
static const char *
skip_string(struct scan *s)
{
	const char quote = *s->at;

	for (step(s); *s->at != quote; step(s)) {
		if (*s->at == '\\' && s->at[1] != '\0')
			step(s);
		else if (quote == '"' && !is_variable_ok(s->at))
			return "a variable is written ${NAME}";
		if (*s->at == '\0')
			return "a string that begins here has no end";
	}
	step(s);
	return NULL;
}

/* What begins a comment at at: "#", "//", or slash and star. */
static bool
is_comment(const char *at)
{
	return *at == '#' || (*at == '/' && (at[1] == '/' || at[1] == '*'));
}

/* Writes blanks over a comment: libconfuse counts its lines twice. */
static void
blank(struct scan *s, const char *end)
{
	for (; s->at < end; step(s)) {
		if (*s->at != '\n')
			*s->at = ' ';
	}
}

static const char *
skip_comment(struct scan *s)
{
	const char *end;

	if (s->at[0] != '/' || s->at[1] != '*') {
		blank(s, strchrnul(s->at, '\n'));
		return NULL;
	}
	if ((end = strstr(s->at + 2, "*/")) == NULL)
		return "a comment that begins here has no end";
	blank(s, end + 2);
	return NULL;
}

/* libconfuse reads "a#b" as one word: whether a comment was meant is not
 * for us to guess. */
static bool
may_begin_comment(const char *text, const char *at)
{
	return at == text || isspace((unsigned char)at[-1]) || at[-1] == '"' ||
	    at[-1] == '\'';
}

/* Steps over anything else.  libconfuse takes the end of the text for the
 * end of a section, too. */
static const char *
skip_other(struct scan *s)
{
	if (!is_variable_ok(s->at))
		return "a variable is written ${NAME}";
	if (*s->at == '$' && s->at[1] == '{') {
		while (*s->at != '}')
			step(s);
	} else if (*s->at == '{' && s->depth++ == 0) {
		s->opened = s->line;
	} else if (*s->at == '}' && s->depth-- == 0) {
		return "a brace is closed that was not opened";
	}
	step(s);
	return NULL;
}

int
snapshot_text_clean(struct snapshot_loader *ld, const char *file, char *text)
{
	struct scan s = { .at = text, .line = 1 };
	const char *wrong = NULL;
	struct snapshot_mark from = { file, 1 };

	while (*s.at != '\0' && wrong == NULL) {
		from.line = s.line;
		if (*s.at == '"' || *s.at == '\'')
			wrong = skip_string(&s);
		else if (!is_comment(s.at))
			wrong = skip_other(&s);
		else if (!may_begin_comment(text, s.at))
			wrong = "put a blank before a comment, or quotes "
				"around the word";
		else
			wrong = skip_comment(&s);
	}
	if (wrong == NULL && s.depth > 0) {
		from.line = s.opened;
		wrong = "a section or list that begins here has no end";
	}
	if (wrong == NULL)
		return 0;
	return snapshot_refuse(ld, from, "syntax", "%s", wrong);
}
