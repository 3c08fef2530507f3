#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

/* ---- reading */

/* Reads to the end, or room bytes. */
static int
read_whole(int fd, char *text, size_t room, size_t *len)
{
	ssize_t n = 1;

	*len = 0;
	while (n != 0 && *len < room) {
		if ((n = read(fd, text + *len, room - *len)) < 0) {
			if (errno != EINTR)
				return errno;
			continue;
		}
		*len += (size_t)n;
	}
	return 0;
}

int
file_read(char **out, size_t *len, const char *path, size_t max)
{
	/* a FIFO in its place must not hold us up */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *text;
	int rc;

	if (fd < 0)
		return errno;
	if ((text = mem_try(1, max + 2)) == NULL) {
		close(fd);
		return ENOMEM;
	}
	rc = read_whole(fd, text, max + 1, len);
	close(fd);
	if (rc == 0 && *len > max)
		rc = EFBIG;
	if (rc != 0) {
		mem_free(text);
		return rc;
	}
	text[*len] = '\0';
	*out = text;
	return 0;
}

/* ---- writing */

static int
write_whole(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		if ((n = write(fd, text, len)) < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) == 0 ? 0 : errno;
}

static int
write_new(const char *path, const char *text, mode_t mode)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	const int fd = open(path, flags, mode);
	int rc;

	if (fd < 0)
		return errno;
	rc = write_whole(fd, text, strlen(text));
	if (close(fd) < 0 && rc == 0)
		rc = errno;
	return rc;
}

int
file_sync_folder(const char *folder)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return errno;
	rc = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return rc;
}

/* The new name itself must be on the disk. */
static int
sync_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[FILE_PATH_MAX] = ".";

	/* that of "/x" keeps its slash */
	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s",
		    slash == path ? 1 : (int)(slash - path), path);
	return file_sync_folder(folder);
}

int
file_replace(const char *path, const char *text, mode_t mode)
{
	char beside[FILE_PATH_MAX];
	int rc;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >=
	    (int)sizeof(beside))
		return ENAMETOOLONG;
	if ((rc = write_new(beside, text, mode)) == 0 &&
	    rename(beside, path) < 0)
		rc = errno;
	if (rc == 0)
		return sync_name(path);
	unlink(beside);
	return rc;
}
