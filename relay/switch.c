#include "relay/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"

enum {
	SWITCH_FILE_MAX = 1024, /* bytes; ours has less than 300 */
	SWITCH_FILE_MODE = 0600,
	SWITCH_DIR_MODE = 0750,
};

static int
path_of(char out[SWITCH_PATH_MAX], const char *dir, const char *name)
{
	const int n = snprintf(out, SWITCH_PATH_MAX, "%s/%s", dir, name);

	return n < SWITCH_PATH_MAX ? 0 : ENAMETOOLONG;
}

/* ---- reading */

/* Reads at most size bytes; a longer file fills it. */
static int
read_whole(const char *path, char *text, size_t size, size_t *len)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;
	int rc = 0;

	if (fd < 0)
		return errno;
	*len = 0;
	do {
		n = read(fd, text + *len, size - *len);
		if (n > 0)
			*len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			rc = errno;
	} while (rc == 0 && n != 0 && *len < size);
	close(fd);
	return rc;
}

static bool
take(struct switch_word *w, const json_t *file)
{
	const json_t *relay = json_object_get(file, "relay");
	const json_t *since = json_object_get(file, "since");
	const json_t *uid = json_object_get(file, "uid");
	const json_t *reason = json_object_get(file, "reason");

	if (json_object_size(file) != 4 || !json_is_boolean(relay) ||
	    !json_is_integer(since) || !json_is_integer(uid) ||
	    !json_is_string(reason) ||
	    json_string_length(reason) >= SWITCH_REASON_MAX)
		return false;
	w->relay = json_is_true(relay);
	w->since_s = json_integer_value(since);
	w->uid = json_integer_value(uid);
	strcpy(w->reason, json_string_value(reason));
	return true;
}

int
switch_read(struct switch_word *out, const char *dir)
{
	char path[SWITCH_PATH_MAX], text[SWITCH_FILE_MAX];
	struct switch_word w = { .relay = true, .uid = -1 };
	json_t *file;
	size_t len = 0;
	bool ok;
	int rc;

	if ((rc = path_of(path, dir, "switch")) != 0)
		return rc;
	rc = read_whole(path, text, sizeof(text), &len);
	if (rc != 0 && rc != ENOENT)
		return rc;
	if (rc == 0) {
		if (len == sizeof(text))
			return EBADMSG;
		file = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
		ok = take(&w, file);
		json_decref(file);
		if (!ok)
			return EBADMSG;
	}
	*out = w;
	return 0;
}

/* ---- writing */

static int
replace(const char *dir, const char *text)
{
	char path[SWITCH_PATH_MAX];
	int rc;

	if ((rc = path_of(path, dir, "switch")) != 0)
		return rc;
	if (mkdir(dir, SWITCH_DIR_MODE) < 0 && errno != EEXIST)
		return errno;
	return file_replace(path, text, SWITCH_FILE_MODE);
}

int
switch_write(const char *dir, const struct switch_word *w)
{
	json_t *file = json_pack("{s:b,s:I,s:I,s:s}", "relay", w->relay,
	    "since", (json_int_t)w->since_s, "uid", (json_int_t)w->uid,
	    "reason", w->reason);
	char *text = json_dumps(file, JSON_INDENT(1));
	int rc;

	json_decref(file);
	if (text == NULL)
		return ENOMEM;
	rc = replace(dir, text);
	mem_free(text); /* jansson allocates by malloc, as mem does */
	return rc;
}
