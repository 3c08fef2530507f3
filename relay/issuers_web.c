#include "relay/issuers_web.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/build.h"
#include "common/list.h"
#include "common/mem.h"
#include "common/token/keyset.h"
#include "relay/issuers.h"

enum {
	CONNECT_S = 5,
	DIGITS_MAX = 9, /* of max-age: 31 years */
	WHY_MAX = CURL_ERROR_SIZE + 32,
};

struct issuers_web {
	/* OWNER: issuers' thread */
	CURLM *multi; /* curl_multi_wakeup: any thread */
	struct list calls;
};

struct issuers_web_call {
	/* OWNER: issuers' thread */
	struct list node;
	CURL *easy;
	struct curl_slist *headers;
	issuers_web_fn *fn;
	void *arg;
	char *text; /* KEYSET_BYTES_MAX and a NUL */
	size_t len;
	int64_t max_age_s;
	bool is_too_long;
	char curl_why[CURL_ERROR_SIZE];
};

/* ---- what comes in */

/* The digits of "max-age=600"; -1: there are none. */
static int64_t
read_seconds(const char *at, const char *end)
{
	int64_t n = 0;
	int digits = 0;

	if (at < end && *at == '"')
		at++;
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (++digits > DIGITS_MAX)
			return INT32_MAX;
		n = n * 10 + (*at - '0');
	}
	return digits > 0 ? n : -1;
}

int64_t
issuers_web_max_age(const char *line, size_t len)
{
	static const char field[] = "cache-control:", key[] = "max-age=";
	const char *const end = line + len;
	const char *at = line + sizeof(field) - 1;
	size_t n;

	if (len < sizeof(field) - 1 ||
	    strncasecmp(line, field, sizeof(field) - 1) != 0)
		return -1;
	/* directives stand between commas (RFC 9111, section 5.2) */
	while (at < end) {
		while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
			at++;
		for (n = 0; at + n < end && at[n] != ','; n++)
			;
		if (n >= sizeof(key) - 1 &&
		    strncasecmp(at, key, sizeof(key) - 1) == 0)
			return read_seconds(at + sizeof(key) - 1, at + n);
		at += n;
	}
	return -1;
}

static size_t
on_header(char *line, size_t size, size_t count, void *arg)
{
	struct issuers_web_call *c = arg;
	const int64_t s = issuers_web_max_age(line, size * count);

	if (s >= 0)
		c->max_age_s = s;
	return size * count;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct issuers_web_call *c = arg;
	const size_t len = size * count;

	if (len > KEYSET_BYTES_MAX - c->len) {
		c->is_too_long = true;
		return 0; /* ends it */
	}
	memcpy(c->text + c->len, data, len);
	c->len += len;
	return len;
}

/* ---- calls */

static void
free_call(struct issuers_web *w, struct issuers_web_call *c)
{
	list_remove(&c->node);
	if (c->easy != NULL) {
		curl_multi_remove_handle(w->multi, c->easy);
		curl_easy_cleanup(c->easy);
	}
	curl_slist_free_all(c->headers);
	mem_free(c->text);
	mem_free(c);
}

static void
set_options(struct issuers_web_call *c, const char *url)
{
	const bool is_here = strncmp(url, "http://", 7) == 0;
	const char *roots = getenv("SSL_CERT_FILE");
	CURL *e = c->easy;

	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, is_here ? "http" : "https");
	if (is_here) /* this machine: no proxy is asked */
		curl_easy_setopt(e, CURLOPT_PROXY, "");
	if (roots != NULL)
		curl_easy_setopt(e, CURLOPT_CAINFO, roots);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* does not wait for a resolver that hangs */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_TIMEOUT, (long)ISSUERS_FETCH_S);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->curl_why);
	curl_easy_setopt(e, CURLOPT_PRIVATE, c);
}

struct issuers_web_call *
issuers_web_get(
    struct issuers_web *w, const char *url, issuers_web_fn *fn, void *arg)
{
	struct issuers_web_call *c;
	char agent[64];

	if ((c = mem_try(1, sizeof(*c))) == NULL)
		return NULL;
	list_append(&w->calls, &c->node);
	c->fn = fn;
	c->arg = arg;
	c->max_age_s = -1;
	snprintf(
	    agent, sizeof(agent), "User-Agent: supernode/%.32s", build_version);
	if ((c->text = mem_try(1, KEYSET_BYTES_MAX + 1)) == NULL ||
	    (c->headers = curl_slist_append(NULL, agent)) == NULL ||
	    curl_slist_append(c->headers,
		"Accept: application/jwk-set+json, application/json") == NULL ||
	    (c->easy = curl_easy_init()) == NULL)
		goto fail;
	set_options(c, url);
	if (curl_multi_add_handle(w->multi, c->easy) != CURLM_OK)
		goto fail;
	return c;

fail:
	free_call(w, c);
	return NULL;
}

void
issuers_web_cancel(struct issuers_web *w, struct issuers_web_call *c)
{
	free_call(w, c);
}

/* Why it failed, or NULL. */
static const char *
judge(char why[WHY_MAX], const struct issuers_web_call *c, CURLcode result)
{
	long status = 0;

	if (c->is_too_long)
		return "more than 64KiB";
	if (result != CURLE_OK) {
		snprintf(why, WHY_MAX, "%s",
		    *c->curl_why != '\0' ? c->curl_why
					 : curl_easy_strerror(result));
		return why;
	}
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return NULL;
	snprintf(why, WHY_MAX, "HTTP status %ld", status);
	return why;
}

static void
finish(struct issuers_web *w, struct issuers_web_call *c, CURLcode result)
{
	char why[WHY_MAX];
	const struct issuers_web_answer a = { .why = judge(why, c, result),
		.text = c->text,
		.len = c->len,
		.max_age_s = c->max_age_s };

	c->fn(c->arg, &a);
	free_call(w, c);
}

/* ---- the loop */

static void
finish_all(struct issuers_web *w)
{
	struct issuers_web_call *c;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(w->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
		    m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		finish(w, c, m->data.result);
	}
}

void
issuers_web_wait(struct issuers_web *w, int ms)
{
	int running;

	curl_multi_perform(w->multi, &running);
	finish_all(w);
	curl_multi_poll(w->multi, NULL, 0, ms, NULL);
	curl_multi_perform(w->multi, &running);
	finish_all(w);
}

void
issuers_web_wake(struct issuers_web *w)
{
	curl_multi_wakeup(w->multi);
}

int
issuers_web_open(struct issuers_web **out)
{
	struct issuers_web *w;

	/* counted: each has its curl_global_cleanup */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return ENOMEM;
	if ((w = mem_try(1, sizeof(*w))) == NULL) {
		curl_global_cleanup();
		return ENOMEM;
	}
	list_init(&w->calls);
	if ((w->multi = curl_multi_init()) == NULL) {
		issuers_web_close(w);
		return ENOMEM;
	}
	*out = w;
	return 0;
}

void
issuers_web_close(struct issuers_web *w)
{
	struct list *n, *tmp;

	if (w == NULL)
		return;
	LIST_EACH_SAFE (n, tmp, &w->calls)
		free_call(w, LIST_ITEM(n, struct issuers_web_call, node));
	curl_multi_cleanup(w->multi);
	mem_free(w);
	curl_global_cleanup();
}
