#include "tests/unit/snapshot_bed.h"

/* ---- what is taken */

static void
test_defaults_are_as_documented(void **state)
{
	struct snapshot *s = load(RATE SECRET "node { name = n }");
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_string_equal(s->node.realm, "n");
	assert_true(s->node.workers > 0);
	assert_string_equal(s->node.run, "/run/supernode");
	assert_string_equal(s->node.state, "/var/lib/supernode");
	assert_string_equal(s->admin.socket, "/run/supernode/control.sock");
	assert_string_equal(
	    addr_format(&s->admin.listen, text), "127.0.0.1:9641");
	assert_int_equal(s->listen.udp.count, 2);
	assert_int_equal(s->listen.tcp.count, 2);
	assert_string_equal(
	    addr_format(&s->listen.udp.at[0], text), "0.0.0.0:3478");
	assert_string_equal(
	    addr_format(&s->listen.tcp.at[1], text), "[::]:3478");
	assert_int_equal(s->listen.tls.count, 0);
	assert_int_equal(s->listen.dtls.count, 0);
	assert_int_equal(s->listen.receive_buffer, 4 << 20);
	assert_int_equal(s->listen.send_buffer, 4 << 20);
	assert_true(s->listen.offload);
	assert_true(s->relay.enabled);
	assert_true(s->relay.hairpin);
	assert_int_equal(s->relay.receive_buffer, 1 << 20);
	assert_int_equal(s->relay.send_buffer, 1 << 20);
	assert_true(s->relay.addresses.count > 0);
	assert_int_equal(s->relay.port_min, 49152);
	assert_int_equal(s->relay.port_max, 65535);
	assert_int_equal(s->caps.rate, 1000000);
	assert_int_equal(s->caps.burst, 31250); /* 250 ms */
	assert_int_equal(s->caps.allocations, 10000);
	assert_int_equal(s->caps.allocations_per_user, 16);
	assert_int_equal(s->caps.unauthenticated, 500);
	assert_int_equal(s->caps.connections, 20000);
	assert_int_equal(s->caps.connections_per_prefix, 2000);
	assert_int_equal(s->log.level, LOG_LEVEL_INFO);
	assert_string_equal(s->log.target, "stderr");
	assert_string_equal(s->auth.secrets[0], "north");
	snapshot_free(s);
}

static void
test_a_certificate_opens_tls_listeners(void **state)
{
	struct snapshot *s =
	    load(RATE SECRET "listen { certificate = /c private-key = /k }");

	(void)state;
	assert_int_equal(s->listen.tls.count, 2);
	assert_int_equal(s->listen.dtls.count, 2);
	assert_int_equal(addr_port(&s->listen.tls.at[0]), 5349);
	snapshot_free(s);
}

/* For tests, and for whoever asks the status which port it was. */
static void
test_port_zero_is_any_that_is_free(void **state)
{
	struct snapshot *s =
	    load(RATE SECRET "listen { udp = {\"127.0.0.1:0\", \"[::1]:0\"} } "
			     "admin { listen = \"127.0.0.1:0\" }");

	(void)state;
	assert_int_equal(s->listen.udp.count, 2);
	assert_int_equal(addr_port(&s->listen.udp.at[0]), 0);
	assert_int_equal(addr_family(&s->listen.udp.at[1]), AF_INET6);
	snapshot_free(s);
}

static void
test_an_empty_list_is_not_the_default(void **state)
{
	struct snapshot *s =
	    load(RATE SECRET "listen { tcp = {} } admin { listen = '' }");

	(void)state;
	assert_int_equal(s->listen.tcp.count, 0);
	assert_int_equal(s->listen.udp.count, 2);
	assert_true(addr_is_none(&s->admin.listen));
	snapshot_free(s);
}

static void
test_keys_of_later_versions_pass_when_they_ask_for_nothing(void **state)
{
	(void)state;
	snapshot_free(load(RATE SECRET
	    "relay { tcp = false members-only = '' }"
	    "signalling { enabled = no origins = {} }"
	    "caps { quota-month = '' rate-per-user = '' }"
	    "auth { anonymous = off } admin { public = false page = no }"
	    "audit { file = '' } cluster { redis = '' peers = {} }"));
}

static void
test_a_burst_follows_the_rate_and_holds_a_packet(void **state)
{
	static const struct {
		const char *text;
		uint64_t burst;
	} rows[] = {
		{ SECRET "caps { rate = \"64kbit/s\" }", 2000 },
		{ SECRET "caps { rate = \"16kbit/s\" }", 1500 },
		{ SECRET "caps { rate = \"8Mbit/s\" burst = 10ms }", 10000 },
		{ SECRET "caps { rate = \"8Mbit/s\" burst = 64KiB }", 65536 },
		{ SECRET "caps { rate = \"unlimited\" }", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct snapshot *s = load(rows[i].text);

		assert_int_equal(s->caps.burst, rows[i].burst);
		snapshot_free(s);
	}
}

static void
test_users_are_found_by_name_and_hash(void **state)
{
	struct snapshot *s = load(RATE
	    "node { realm = example.org }"
	    "auth { user alice { password = p1 } user bob { password = p2 } }");
	const struct snapshot_user *u = snapshot_user(s, "bob", 3);
	struct stun_key key;

	(void)state;
	assert_non_null(u);
	assert_string_equal(u->password, "p2");
	assert_int_equal(stun_key_derive(&key, STUN_ALGORITHM_MD5, "bob",
			     "example.org", "p2"),
	    0);
	assert_memory_equal(u->md5.bytes, key.bytes, key.len);
	assert_ptr_equal(snapshot_user_by_hash(s, u->userhash), u);
	assert_null(snapshot_user(s, "bo", 2));
	assert_null(snapshot_user(s, "bobby", 5));
	snapshot_free(s);
}

/* ---- files */

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void
rename_file(const char *dir, const char *from, const char *to)
{
	char old[512], new[512];

	snprintf(old, sizeof(old), "%s/%s", dir, from);
	snprintf(new, sizeof(new), "%s/%s", dir, to);
	assert_int_equal(rename(old, new), 0);
}

static void
make_tree(char dir[64])
{
	char sub[128];

	strcpy(dir, "/tmp/test_snapshot.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sub, sizeof(sub), "%s/conf.d", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
}

static void
remove_tree(const char *dir)
{
	static const char *const names[] = { "conf.d/10.conf", "conf.d/20.conf",
		"conf.d/x.txt", "conf.d/x_txt", "x.txt", "main.conf", "secrets",
		"conf.d", "" };
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
}

static int
load_tree(struct snapshot **s, const char *dir, char *why)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/main.conf", dir);
	return snapshot_load(s, path, why);
}

static void
test_drop_ins_replace_values_and_add_users(void **state)
{
	char why[SNAPSHOT_ERROR_MAX] = "", dir[64];
	struct snapshot *s = NULL;

	(void)state;
	make_tree(dir);
	write_file(dir, "main.conf",
	    RATE "auth { user a { password = p } secret = {x, y} }"
		 "relay { deny = {\"9.0.0.0/8\"} }");
	write_file(dir, "conf.d/20.conf", "caps { rate = \"3Mbit/s\" }");
	write_file(dir, "conf.d/10.conf",
	    "caps { rate = \"2Mbit/s\" burst = 4kB }"
	    "auth { user b { password = q } secret = {z} }"
	    "relay { deny = {} }");
	write_file(dir, "conf.d/x.txt", "nonsense");
	assert_int_equal(load_tree(&s, dir, why), 0);
	assert_int_equal(s->caps.rate, 3000000);
	assert_int_equal(s->caps.burst, 4000);
	assert_int_equal(s->auth.user_count, 2);
	assert_int_equal(s->auth.secret_count, 1);
	assert_string_equal(s->auth.secrets[0], "z");
	assert_int_equal(s->relay.deny.count, 0);
	snapshot_free(s);

	write_file(dir, "conf.d/20.conf", "\ncaps { rate = 7 }");
	assert_int_equal(load_tree(&s, dir, why), EINVAL);
	assert_non_null(strstr(why, "conf.d/20.conf:2: caps.rate: "));
	remove_tree(dir);
}

static void
test_a_secret_file_holds_one_secret_a_line(void **state)
{
	char why[SNAPSHOT_ERROR_MAX] = "", dir[64], sub[128];
	struct snapshot *s = NULL;

	(void)state;
	make_tree(dir);
	write_file(dir, "main.conf",
	    RATE "auth { secret = {zero} secret-file = secrets }");
	write_file(dir, "secrets", "one\n\ntwo\r\n");
	assert_int_equal(load_tree(&s, dir, why), 0);
	assert_int_equal(s->auth.secret_count, 3);
	assert_string_equal(s->auth.secrets[0], "zero");
	assert_string_equal(s->auth.secrets[1], "one");
	assert_string_equal(s->auth.secrets[2], "two");
	snapshot_free(s);

	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	write_file(dir, "main.conf",
	    RATE "auth { secret-file = \"$CREDENTIALS_DIRECTORY/secrets\" }");
	assert_int_equal(load_tree(&s, dir, why), 0);
	assert_int_equal(s->auth.secret_count, 2);
	snapshot_free(s);

	/* a credential comes before a file beside the configuration, ... */
	write_file(dir, "conf.d/x.txt", "other");
	snprintf(sub, sizeof(sub), "%s/conf.d", dir);
	setenv("CREDENTIALS_DIRECTORY", sub, 1);
	write_file(dir, "x.txt", "beside");
	write_file(dir, "main.conf", RATE "auth { secret-file = x.txt }");
	assert_int_equal(load_tree(&s, dir, why), 0);
	assert_string_equal(s->auth.secrets[0], "other");
	snapshot_free(s);
	/* ... by systemd's name for a file of a folder, ... */
	write_file(dir, "main.conf", RATE "auth { secret-file = x/txt }");
	rename_file(sub, "x.txt", "x_txt");
	assert_int_equal(load_tree(&s, dir, why), 0);
	assert_string_equal(s->auth.secrets[0], "other");
	snapshot_free(s);
	/* ... which is read when there is no credential of its name */
	write_file(dir, "main.conf", RATE "auth { secret-file = secrets }");
	assert_int_equal(load_tree(&s, dir, why), 0);
	assert_int_equal(s->auth.secret_count, 2);
	snapshot_free(s);
	unsetenv("CREDENTIALS_DIRECTORY");

	write_file(dir, "main.conf", RATE "auth {\nsecret-file = secrets }");
	write_file(dir, "secrets", "\n\n");
	assert_int_equal(load_tree(&s, dir, why), EINVAL);
	assert_non_null(strstr(why, "main.conf:3: auth.secret-file: "));
	assert_non_null(strstr(why, "holds no secret"));
	remove_tree(dir);
}

static void
test_files_that_cannot_be_read_are_named(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *s = NULL;

	(void)state;
	assert_int_equal(snapshot_load(&s, "/nonexistent/x.conf", why), EINVAL);
	assert_non_null(strstr(why, "/nonexistent/x.conf:1: "));
	assert_int_equal(snapshot_load(&s, "/tmp", why), EINVAL);
	assert_non_null(strstr(why, "directory"));
}

/* ---- writing and comparing */

static char *
dump(const struct snapshot *s)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	snapshot_dump(s, f);
	fclose(f);
	return text;
}

static char *
diff(const struct snapshot *a, const struct snapshot *b)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	snapshot_diff(a, b, f);
	fclose(f);
	return text;
}

#define FULL                                                                \
	"node { name = n realm = r workers = 3 contact = '${x}a\"b\\\\c' }" \
	"listen { certificate = /c private-key = /k "                       \
	"proxy-protocol = {\"10.0.0.0/8\"} "                                \
	"receive-buffer = 8MiB send-buffer = 0 offload = no }"              \
	"relay { addresses = {\"1.2.3.4\", \"2001:db8::7\"} "               \
	"external = {\"5.6.7.8/1.2.3.4\"} ports = \"2000-3000\" "           \
	"enabled = false hairpin = no allow = {\"10.1.0.0/16\"} }"          \
	"caps { rate = \"1.5Mbit/s\" burst = 5kB }"                         \
	"log { level = warn target = /l } admin { listen = '' }"            \
	"auth { secret = {one, two} user al { password = pw } }"

/* Puts the secrets back, in the order of the dump: user first. */
static void
put_back(char *text)
{
	static const char *const secrets[] = { "\"pw\" ", "\"s1\" ",
		"\"s2\" " };

	for (size_t i = 0; i < 3; i++) {
		char *at = strstr(text, "\"***\"");

		assert_non_null(at);
		memcpy(at, secrets[i], 5);
	}
	assert_null(strstr(text, "***"));
}

static void
test_a_dump_loads_again_when_secrets_are_put_back(void **state)
{
	struct snapshot *s = load(FULL), *again;
	char why[SNAPSHOT_ERROR_MAX];
	char *text = dump(s), *second, *changes;

	(void)state;
	assert_null(strstr(text, "\"one\""));
	assert_null(strstr(text, "pw"));
	assert_int_equal(snapshot_load_text(&again, "t", text, why), EINVAL);
	put_back(text);
	again = load(text);
	second = dump(again);
	put_back(second);
	assert_string_equal(text, second);
	changes = diff(s, again);
	assert_string_equal(changes, "auth.secret: changed\n");
	free(changes);
	free(text);
	free(second);
	snapshot_free(s);
	snapshot_free(again);
}

static void
test_a_difference_has_a_line_per_key(void **state)
{
	struct snapshot *a =
	    load("node { name = n }" SECRET
		 "caps { rate = \"10Mbit/s\" burst = 2kB }"
		 "auth { user x { password = p } user y { password = p } }");
	struct snapshot *b = load(
	    "node { name = n }" SECRET "caps { rate = \"5Mbit/s\" burst = 2kB }"
	    "relay { enabled = false }"
	    "auth { user y { password = q } user z { password = p } }");
	char *text = diff(a, b);

	(void)state;
	assert_string_equal(text,
	    "relay.enabled: true -> false\n"
	    "caps.rate: 10Mbit/s -> 5Mbit/s\n"
	    "auth.user y: password changed\n"
	    "auth.user z: added\n"
	    "auth.user x: removed\n");
	free(text);
	snapshot_free(a);
	snapshot_free(b);
}

static void
test_sockets_and_workers_need_a_restart(void **state)
{
	static const struct {
		const char *text;
		const char *key; /* NULL: may replace */
	} rows[] = {
		{ "node { workers = 4 }", "node.workers" },
		{ "node { workers = 3 run = /r }", "node.run" },
		{ "node { workers = 3 } listen { udp = {\"1.1.1.1:1\"} }",
		    "listen.udp" },
		{ "node { workers = 3 } listen { certificate = a "
		  "private-key = b }",
		    "listen.tls" },
		{ "node { workers = 3 } listen { receive-buffer = 5MiB }",
		    "listen.receive-buffer" },
		{ "node { workers = 3 } listen { send-buffer = 0 }",
		    "listen.send-buffer" },
		{ "node { workers = 3 } listen { offload = false }",
		    "listen.offload" },
		{ "node { workers = 3 } relay { receive-buffer = 64KiB }",
		    NULL },
		{ "node { workers = 3 } admin { listen = '' }",
		    "admin.listen" },
		{ "node { workers = 3 realm = x } relay { enabled = no }",
		    NULL },
	};
	struct snapshot *old = load(RATE SECRET "node { workers = 3 }");
	char why[SNAPSHOT_ERROR_MAX], text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct snapshot *new;
		int rc;

		snprintf(text, sizeof(text), "%s" RATE SECRET, rows[i].text);
		new = load(text);
		rc = snapshot_may_replace(old, new, why);
		assert_int_equal(rc, rows[i].key == NULL ? 0 : EINVAL);
		if (rows[i].key != NULL)
			assert_non_null(strstr(why, rows[i].key));
		snapshot_free(new);
	}
	snapshot_free(old);
}

static void
test_the_table_of_relayed_ports_needs_a_restart(void **state)
{
	static const struct {
		const char *relay;
		const char *key;
	} rows[] = {
		{ "addresses = {\"1.2.3.5\"}", "relay.addresses" },
		{ "addresses = {\"1.2.3.4\"} external = {\"5.6.7.8/1.2.3.4\"}",
		    "relay.external" },
		{ "addresses = {\"1.2.3.4\"} ports = \"2000-3000\"",
		    "relay.ports" },
	};
	struct snapshot *old =
	    load(RATE SECRET "relay { addresses = {\"1.2.3.4\"} }");
	char why[SNAPSHOT_ERROR_MAX], text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct snapshot *new;

		snprintf(text, sizeof(text), "relay { %s }" RATE SECRET,
		    rows[i].relay);
		new = load(text);
		assert_int_equal(snapshot_may_replace(old, new, why), EINVAL);
		assert_non_null(strstr(why, rows[i].key));
		snapshot_free(new);
	}
	snapshot_free(old);
}

static void
test_loading_survives_every_failing_allocation(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *s = NULL;
	int rc = EINVAL;
	long n;

	(void)state;
	for (n = 0; rc != 0 && n < 1000; n++) {
		mem_fail_at(n);
		rc = snapshot_load_text(&s, "t", FULL, why);
		mem_fail_at(-1);
		if (rc != 0)
			assert_non_null(strstr(why, "out of memory"));
	}
	assert_int_equal(rc, 0);
	assert_true(n > 20);
	snapshot_free(s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_as_documented),
		cmocka_unit_test(test_a_certificate_opens_tls_listeners),
		cmocka_unit_test(test_port_zero_is_any_that_is_free),
		cmocka_unit_test(test_an_empty_list_is_not_the_default),
		cmocka_unit_test(
		    test_keys_of_later_versions_pass_when_they_ask_for_nothing),
		cmocka_unit_test(
		    test_a_burst_follows_the_rate_and_holds_a_packet),
		cmocka_unit_test(test_users_are_found_by_name_and_hash),
		cmocka_unit_test(test_drop_ins_replace_values_and_add_users),
		cmocka_unit_test(test_a_secret_file_holds_one_secret_a_line),
		cmocka_unit_test(test_files_that_cannot_be_read_are_named),
		cmocka_unit_test(
		    test_a_dump_loads_again_when_secrets_are_put_back),
		cmocka_unit_test(test_a_difference_has_a_line_per_key),
		cmocka_unit_test(test_sockets_and_workers_need_a_restart),
		cmocka_unit_test(
		    test_the_table_of_relayed_ports_needs_a_restart),
		cmocka_unit_test(
		    test_loading_survives_every_failing_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
