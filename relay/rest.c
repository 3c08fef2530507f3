#include "relay/rest.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "common/code.h"
#include "common/log.h"

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(arg);
}

static void
on_error(struct evconnlistener *l, void *arg)
{
	const struct timeval tv = { .tv_usec = REST_MS * 1000 };

	(void)arg;
	log_limited(LOG_LEVEL_WARN, "rest: accepting paused reason=%s",
	    code_text(errno));
	/* without a timer it would never accept again */
	if (event_base_once(evconnlistener_get_base(l), -1, EV_TIMEOUT,
		on_resume, l, &tv) == 0)
		evconnlistener_disable(l);
}

void
rest_on_error(struct evconnlistener *l)
{
	evconnlistener_set_error_cb(l, on_error);
}
