#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/mem.h"

static int
open_socket(const char *path)
{
	const struct timeval patience = { CTL_CLIENT_TIMEOUT_S, 0 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, rc;

	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0) {
		rc = errno;
		close(fd);
		errno = rc;
		return -1;
	}
	return fd;
}

static const char *
advice(int rc)
{
	switch (rc) {
	case ENOENT:
	case ECONNREFUSED:
		return "supernoded is not running (or -s names another "
		       "socket)";
	case EACCES:
	case EPERM:
		return "not allowed: be root or in the socket's group";
	case EAGAIN:
		return "supernoded does not answer";
	default:
		return code_text(rc);
	}
}

static int
send_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
send_request(int fd, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int rc;

	if (text == NULL)
		return ENOMEM;
	if ((rc = send_all(fd, text, strlen(text))) == 0)
		rc = send_all(fd, "\n", 1);
	mem_free(text);
	return rc;
}

/* Takes fd. */
static int
read_answer(json_t **out, int fd, char *why, size_t why_size)
{
	FILE *in = fdopen(fd, "r");
	json_error_t error;

	if (in == NULL) {
		close(fd);
		return ENOMEM;
	}
	errno = 0;
	*out = json_loadf(in, JSON_DISABLE_EOF_CHECK, &error);
	if (*out == NULL)
		snprintf(why, why_size, "no answer: %s",
		    errno == EAGAIN ? "supernoded took too long" : error.text);
	fclose(in);
	return *out != NULL ? 0 : EIO;
}

int
ctl_client_ask(json_t **out, const char *path, const json_t *request, char *why,
    size_t why_size)
{
	const int fd = open_socket(path);
	int rc;

	if (fd < 0) {
		rc = errno;
		snprintf(why, why_size, "%s: %s", path, advice(rc));
		return rc;
	}
	if ((rc = send_request(fd, request)) != 0) {
		snprintf(why, why_size, "%s: %s", path, advice(rc));
		close(fd);
		return rc;
	}
	snprintf(why, why_size, "out of memory");
	return read_answer(out, fd, why, why_size);
}
