#include <string.h>

#include "signalling/resume.h"
#include "signalling/session.h"
#include "signalling/stream.h"

static bool
is_called(const struct signal_session *ss, const char *name, size_t len)
{
	const char *own =
	    ss->e.name != NULL ? ss->e.name : signal_resume_name(ss);

	return own != NULL && strlen(own) == len && memcmp(own, name, len) == 0;
}

/* What is claimed is not known before it comes, only that it was let go. */
static bool
has_moved(const struct signal_session *ss, mono_ms before)
{
	return ss->claim != NULL ? signal_resume_is_let_go(ss)
				 : ss->e.opened < before;
}

size_t
signalling_kick(struct signalling *s, const char *name, size_t len)
{
	struct list *n, *next;
	size_t count = 0;

	OWNER_CHECK(s);
	LIST_EACH_SAFE (n, next, &s->all) {
		struct signal_session *ss =
		    LIST_ITEM(n, struct signal_session, node);

		if (!is_called(ss, name, len))
			continue;
		signal_session_end(ss, PROTO_CLOSE_POLICY, "kicked");
		count++;
	}
	signal_stream_kick(s, name, len);
	return count;
}

size_t
signalling_kick_moved(
    struct signalling *s, const char *name, size_t len, mono_ms before)
{
	struct list *n, *next;
	size_t count = 0;

	OWNER_CHECK(s);
	LIST_EACH_SAFE (n, next, &s->all) {
		struct signal_session *ss =
		    LIST_ITEM(n, struct signal_session, node);

		if (!is_called(ss, name, len) || !has_moved(ss, before))
			continue;
		signal_session_end(ss, PROTO_CLOSE_POLICY, "kicked");
		count++;
	}
	return count;
}
