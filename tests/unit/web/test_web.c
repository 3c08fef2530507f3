/* web: what `GET /call` is answered with, and what the page is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "web/assets.h"
#include "web/web.h"

static struct {
	unsigned status;
	char type[64];
	char headers[2048];
	const char *body;
	size_t len;
	unsigned answers;
} got;

/* In net's place. */
void
net_web_answer(struct net_web *w, unsigned status, const char *type,
    const char *headers, const void *body, size_t len)
{
	assert_null(w);
	got.status = status;
	snprintf(got.type, sizeof(got.type), "%s", type != NULL ? type : "");
	snprintf(got.headers, sizeof(got.headers), "%s",
	    headers != NULL ? headers : "");
	got.body = body;
	got.len = len;
	got.answers++;
}

static bool
ask(const char *method, const char *path, const char *if_none_match)
{
	const struct net_request r = {
		.method = method,
		.path = path,
		.if_none_match = if_none_match,
	};

	memset(&got, 0, sizeof(got));
	return web_page_serve(NULL, &r);
}

static void
test_each_path_gets_its_answer(void **state)
{
	static const struct {
		const char *method, *path;
		unsigned status; /* 0: not for the page */
		const char *type;
	} rows[] = {
		{ "GET", "/call", 200, "text/html; charset=utf-8" },
		{ "GET", "/call/", 200, "text/html; charset=utf-8" },
		{ "HEAD", "/call", 200, "text/html; charset=utf-8" },
		{ "GET", "/call/index.html", 200, "text/html; charset=utf-8" },
		{ "GET", "/call/style.css", 200, "text/css; charset=utf-8" },
		{ "GET", "/call/app.js", 200,
		    "text/javascript; charset=utf-8" },
		{ "GET", "/call/icon.svg", 200, "image/svg+xml" },
		{ "GET", "/call/none.js", 404, "text/plain; charset=utf-8" },
		{ "GET", "/call/web.c", 404, "text/plain; charset=utf-8" },
		{ "GET", "/call//app.js", 404, "text/plain; charset=utf-8" },
		{ "GET", "/call/../call", 404, "text/plain; charset=utf-8" },
		{ "POST", "/call", 405, "text/plain; charset=utf-8" },
		{ "OPTIONS", "/call/app.js", 405, "text/plain; charset=utf-8" },
		{ "get", "/call", 405, "text/plain; charset=utf-8" },
		{ "GET", "/", 0, "" },
		{ "GET", "/caller", 0, "" },
		{ "GET", "/cal", 0, "" },
		{ "GET", "", 0, "" },
		{ "POST", "/signal", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool is_ours = ask(rows[i].method, rows[i].path, "");

		assert_int_equal(is_ours, rows[i].status != 0);
		assert_int_equal(got.answers, is_ours ? 1 : 0);
		assert_int_equal(got.status, rows[i].status);
		assert_string_equal(got.type, rows[i].type);
	}
	ask("POST", "/call", "");
	assert_non_null(strstr(got.headers, "Allow: GET, HEAD\r\n"));
}

static void
test_a_file_comes_whole(void **state)
{
	FILE *f = fopen("relay/web/sha256.js", "rb");
	static char text[64 * 1024];
	size_t len;

	(void)state;
	assert_non_null(f);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	ask("GET", "/call/sha256.js", "");
	assert_int_equal(got.len, len);
	assert_memory_equal(got.body, text, len);
}

static void
test_what_the_client_has_is_not_sent_again(void **state)
{
	char tag[80], list[160], *end;

	(void)state;
	ask("GET", "/call", "");
	assert_memory_equal(got.headers, "ETag: \"", 7);
	snprintf(tag, sizeof(tag), "%.70s", got.headers + 6);
	end = strchr(tag, '\r');
	assert_non_null(end);
	*end = '\0';

	ask("GET", "/call", tag);
	assert_int_equal(got.status, 304);
	assert_int_equal(got.len, 0);
	assert_non_null(strstr(got.headers, tag));
	snprintf(list, sizeof(list), "\"old\", W/%s", tag);
	ask("GET", "/call", list);
	assert_int_equal(got.status, 304);
	ask("GET", "/call", "*");
	assert_int_equal(got.status, 304);
	ask("GET", "/call", "\"old\"");
	assert_int_equal(got.status, 200);
	/* another file has another tag */
	ask("GET", "/call/app.js", tag);
	assert_int_equal(got.status, 200);
}

static void
test_the_page_is_fenced_in(void **state)
{
	static const char *const wanted[] = {
		"default-src 'none'; script-src 'self'; style-src 'self'; ",
		"frame-ancestors 'none'",
		"base-uri 'none'",
		"X-Content-Type-Options: nosniff\r\n",
		"Referrer-Policy: no-referrer\r\n",
		"Permissions-Policy: camera=(self), microphone=(self), ",
		"Cross-Origin-Opener-Policy: same-origin\r\n",
		"Cache-Control: no-cache\r\n",
	};

	(void)state;
	ask("GET", "/call", "");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(strstr(got.headers, wanted[i]));
	assert_null(strstr(got.headers, "unsafe"));
}

/* Every name that stands between before and after in a is a file's. */
static unsigned
check_names(const struct web_asset *a, const char *before, const char *after)
{
	unsigned count = 0;

	for (const char *p = a->data; (p = strstr(p, before)) != NULL;) {
		char path[100];
		const char *end = strstr(p += strlen(before), after);

		assert_non_null(end);
		snprintf(path, sizeof(path), "/call/%.*s", (int)(end - p), p);
		assert_true(ask("GET", path, ""));
		assert_int_equal(got.status, 200);
		count++;
	}
	return count;
}

static void
test_what_a_file_asks_for_is_there(void **state)
{
	unsigned links = 0, imports = 0;

	(void)state;
	for (const struct web_asset *a = web_assets; a->name != NULL; a++) {
		assert_int_equal(*a->end, '\0');
		links += check_names(a, "=\"/call/", "\"");
		imports += check_names(a, "from \"./", "\"");
	}
	assert_true(links >= 3);
	assert_true(imports >= 10);
}

static void
test_nothing_is_inline_or_from_elsewhere(void **state)
{
	static const char *const banned[] = {
		"style=\"",
		"onclick=\"",
		"<style",
		"innerHTML",
		"outerHTML",
		"insertAdjacentHTML",
		"document.write",
		"eval(",
		"@import",
		"src=\"http",
		"href=\"http",
		" url(",
	};

	(void)state;
	for (const struct web_asset *a = web_assets; a->name != NULL; a++) {
		for (size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++)
			assert_null(strstr(a->data, banned[i]));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_path_gets_its_answer),
		cmocka_unit_test(test_a_file_comes_whole),
		cmocka_unit_test(test_what_the_client_has_is_not_sent_again),
		cmocka_unit_test(test_the_page_is_fenced_in),
		cmocka_unit_test(test_what_a_file_asks_for_is_there),
		cmocka_unit_test(test_nothing_is_inline_or_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
