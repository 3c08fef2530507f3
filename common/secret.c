#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/mem.h"

bool
secret_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void
secret_wipe(void *p, size_t len)
{
	if (len > 0)
		explicit_bzero(p, len);
}

/* Reads until the end or room is full.  Returns 0 or an errno. */
static int
read_all(size_t *len, int fd, char *out, size_t room)
{
	ssize_t n;

	for (*len = 0; *len < room; *len += (size_t)n) {
		do
			n = read(fd, out + *len, room - *len);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return errno;
		if (n == 0)
			break;
	}
	return 0;
}

/* Copies text without trailing newlines.  A NUL inside would silently
 * shorten the secret: EINVAL. */
static int
copy_text(char **out, const char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (memchr(text, '\0', len) != NULL)
		return EINVAL;
	if ((*out = mem_try(len + 1, 1)) == NULL)
		return ENOMEM;
	memcpy(*out, text, len);
	return 0;
}

static int
load_fd(char **out, int fd)
{
	const size_t room = SECRET_FILE_MAX + 1;
	size_t len;
	char *raw, *text;
	int rc;

	if ((raw = mem_try(1, room)) == NULL)
		return ENOMEM;
	rc = read_all(&len, fd, raw, room);
	if (rc == 0 && len > SECRET_FILE_MAX)
		rc = EFBIG;
	if (rc == 0 && (rc = copy_text(&text, raw, len)) == 0)
		*out = text;
	secret_wipe(raw, room);
	mem_free(raw);
	return rc;
}

int
secret_load(char **out, const char *path)
{
	int fd, rc;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return errno;
	rc = load_fd(out, fd);
	close(fd);
	return rc;
}

void
secret_free(char *text)
{
	if (text == NULL)
		return;
	secret_wipe(text, strlen(text));
	mem_free(text);
}
