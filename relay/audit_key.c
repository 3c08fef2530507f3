#include "relay/audit_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/entropy.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/secret.h"

enum {
	KEY_MODE = 0600,
	DIGITS = 2 * SIGNATURE_SEED_LEN,
	TEXT_MAX = 256,
};

/* seed and subjects are of the same length */
static const char sign_word[] = "sign ";
static const char subjects_word[] = "\nsubjects ";

/* Steps over word and as many digits as a key has. */
static int
read_part(uint8_t *out, const char **at, const char *word)
{
	const size_t len = strlen(word);

	if (strncmp(*at, word, len) != 0 ||
	    hex_read(out, SIGNATURE_SEED_LEN, *at + len) != 0)
		return EINVAL;
	*at += len + DIGITS;
	return 0;
}

static int
parse(struct audit_key *out, const char *text)
{
	if (read_part(out->seed, &text, sign_word) != 0 ||
	    read_part(out->subjects, &text, subjects_word) != 0 ||
	    *text != '\0')
		return EINVAL;
	return signature_public(out->public_key, out->seed);
}

static int
make(struct audit_key *out, const char *path)
{
	char seed[DIGITS + 1], subjects[DIGITS + 1], text[TEXT_MAX];
	int rc;

	entropy_fill(out->seed, sizeof(out->seed));
	entropy_fill(out->subjects, sizeof(out->subjects));
	if ((rc = signature_public(out->public_key, out->seed)) != 0)
		return rc;
	snprintf(text, sizeof(text), "%s%s%s%s\n", sign_word,
	    hex_write(seed, out->seed, sizeof(out->seed)), subjects_word,
	    hex_write(subjects, out->subjects, sizeof(out->subjects)));
	rc = file_replace(path, text, KEY_MODE);
	secret_wipe(seed, sizeof(seed));
	secret_wipe(subjects, sizeof(subjects));
	secret_wipe(text, sizeof(text));
	return rc;
}

int
audit_key_load(
    struct audit_key *out, const char *path, char *why, size_t why_size)
{
	struct audit_key k = { 0 };
	char *text = NULL;
	int rc;

	if ((rc = secret_load(&text, path)) == 0)
		rc = parse(&k, text);
	else if (rc == ENOENT)
		rc = make(&k, path);
	secret_free(text);
	if (rc == 0)
		*out = k;
	else if (rc == EINVAL)
		snprintf(why, why_size,
		    "%s: damaged; restore it, or move it away and the log of "
		    "audit.file with it to begin a new one",
		    path);
	else
		snprintf(why, why_size, "%s: %s", path, code_text(rc));
	audit_key_wipe(&k);
	return rc;
}

void
audit_key_wipe(struct audit_key *k)
{
	secret_wipe(k, sizeof(*k));
}
