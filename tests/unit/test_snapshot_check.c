#include "tests/unit/snapshot_bed.h"

/* ---- what is refused */

static const struct bad {
	const char *text;
	const char *where; /* how the message begins */
	const char *what;  /* and what else it says */
} bad[] = {
	/* what must be stated */
	{ SECRET, "t.conf: caps.rate: ", "has no default" },
	{ SECRET "caps { burst = 1s }\n",
	    "t.conf:2: caps.rate: ", "\"unlimited\" is a word" },
	{ RATE, "t.conf: auth.secret: ", "no credential at all" },
	{ RATE "auth {\n}\n", "t.conf:3: auth.secret: ", "auth.secret-file" },
	{ "", "t.conf: caps.rate: ", "has no default" },
	/* syntax */
	{ "\nnode {\n nmae = x }\n", "t.conf:3: node: ", "'nmae'" },
	{ "# a\n\n# b\nnode {\n# c\n// d\n/* e\n\n f */\n\n nmae = x }\n",
	    "t.conf:11: node: ", "'nmae'" },
	{ "node { contact = \"a\\\n#b\\\nc\"\n# x\n workers = y }\n",
	    "t.conf:5: node.workers: ", "whole" },
	{ "\r\n\r\nnode {\r\n workers = y }\r\n",
	    "t.conf:4: node.workers: ", "whole" },
	{ "nodes { }\n", "t.conf:1: root: ", "'nodes'" },
	{ "node { name = \"x\n\n", "t.conf:1: syntax: ", "no end" },
	{ "node { name = 'x\n\n", "t.conf:1: syntax: ", "no end" },
	{ RATE "/* open\n" SECRET, "t.conf:2: syntax: ", "no end" },
	{ "node { name = a#b }\n", "t.conf:1: syntax: ", "blank before" },
	{ "node { name = ${it's} }\n", "t.conf:1: syntax: ", "${NAME}" },
	{ "node { name = \"${\" }\n", "t.conf:1: syntax: ", "${NAME}" },
	{ RATE "node {\n", "t.conf:2: syntax: ", "has no end" },
	{ RATE SECRET "}\n", "t.conf:3: syntax: ", "not opened" },
	{ "node { name = \n}\n", "t.conf:2: ", "unexpected" },
	{ "node = 3\n", "t.conf:1: ", "" },
	{ "caps { rate = {a} }\n", "t.conf:1: ", "unexpected" },
	/* node */
	{ "node {\n\n workers = -1 }\n", "t.conf:3: node.workers: ",
	    "\"-1\" must be a whole number from 0" },
	{ "node { workers = 257 }\n", "t.conf:1: node.workers: ", "256" },
	{ "node { workers = 2x }\n", "t.conf:1: node.workers: ", "whole" },
	{ "node { workers = '' }\n", "t.conf:1: node.workers: ", "whole" },
	{ "node { realm = '' }\n", "t.conf:1: node.realm: ", "1 to 40" },
	{ "node { realm = '1234567890123456789012345678901234567890x' }\n",
	    "t.conf:1: node.realm: ", "1 to 40" },
	{ "node { realm = 'a\"b' }\n", "t.conf:1: node.realm: ", "quote" },
	{ "node { name = 'a\\\\b' }\n", "t.conf:1: node.name: ", "quote" },
	{ "node { name = '' }\n", "t.conf:1: node.name: ", "1 to 253" },
	{ RATE SECRET "node {\n"
		      "name = '1234567890123456789012345678901234567890x' }\n",
	    "t.conf:4: node.realm: ", "too long to be its default" },
	{ "node { run = run }\n", "t.conf:1: node.run: ", "absolute" },
	{ "node { contact = \"a\\nb\" }\n",
	    "t.conf:1: node.contact: ", "control" },
	/* listen */
	{ "listen { receive-buffer = 4095B }\n",
	    "t.conf:1: listen.receive-buffer: ", "from 4KiB to 512MiB" },
	{ "listen {\nsend-buffer = 513MiB }\n",
	    "t.conf:2: listen.send-buffer: ", "or \"0\" for the kernel's" },
	{ "relay { receive-buffer = 4096 }\n",
	    "t.conf:1: relay.receive-buffer: ", "needs one of the units" },
	{ "relay { send-buffer = '' }\n", "t.conf:1: relay.send-buffer: ", "" },
	{ "listen { udp = {\"0.0.0.0:3478\",\n\"1.2.3.4\"} }\n",
	    "t.conf:2: listen.udp: ", "\"1.2.3.4\" must be an address with" },
	{ "listen { udp = {\"[::1]\"} }\n", "t.conf:1: listen.udp: ", "port" },
	{ "listen { tcp = {\"[::]:65536\"} }\n",
	    "t.conf:1: listen.tcp: ", "\"[::]:65536\"" },
	{ "listen { tcp = {\"example.org:80\"} }\n",
	    "t.conf:1: listen.tcp: ", "must be an address" },
	{ RATE SECRET "listen { udp = {\"1.2.3.4:1\", \"1.2.3.4:1\"} }\n",
	    "t.conf:3: listen.udp: ", "1.2.3.4:1 stands twice" },
	{ RATE SECRET "listen { certificate = c private-key = k\n"
		      "tls = {\"0.0.0.0:3478\"} }\n",
	    "t.conf:4: listen.tls: ", "twice" },
	{ RATE SECRET "listen {\ntls = {\"0.0.0.0:443\"} }\n",
	    "t.conf:4: listen.tls: ", "needs listen.certificate" },
	{ RATE SECRET "listen {\ndtls = {\"0.0.0.0:443\"} }\n",
	    "t.conf:4: listen.dtls: ", "needs listen.certificate" },
	{ RATE SECRET "listen { certificate = c }\n",
	    "t.conf:3: listen.private-key: ", "go together" },
	{ RATE SECRET "listen { private-key = c }\n",
	    "t.conf:3: listen.certificate: ", "go together" },
	{ RATE SECRET "listen { udp = {} tcp = {} }\n",
	    "t.conf:3: listen.udp: ", "name one listener" },
	{ "listen { proxy-protocol = {\"10.0.0.1/8\"} }\n",
	    "t.conf:1: listen.proxy-protocol: ", "host bits" },
	/* relay */
	{ "relay { enabled = maybe }\n",
	    "t.conf:1: relay.enabled: ", "true or false" },
	{ "relay { ports = \"60000-50000\" }\n",
	    "t.conf:1: relay.ports: ", "reversed" },
	{ "relay { ports = \"80-5000\" }\n",
	    "t.conf:1: relay.ports: ", "privileged" },
	{ "relay { ports = \"5000-65536\" }\n",
	    "t.conf:1: relay.ports: ", "65535" },
	{ "relay { ports = 5000 }\n", "t.conf:1: relay.ports: ", "range" },
	{ "relay { ports = \"-1-5000\" }\n",
	    "t.conf:1: relay.ports: ", "range" },
	{ "relay { addresses = {\"1.2.3.4:5\"} }\n",
	    "t.conf:1: relay.addresses: ", "without port" },
	{ "relay { addresses = {\"0.0.0.0\"} }\n",
	    "t.conf:1: relay.addresses: ", "wildcard" },
	{ "relay { addresses = {\"224.0.0.1\"} }\n",
	    "t.conf:1: relay.addresses: ", "multicast" },
	{ RATE SECRET "relay { addresses = {\"1.2.3.4\",\"1.2.3.4\"} }\n",
	    "t.conf:3: relay.addresses: ", "twice" },
	{ "relay { allow = {\"10.0.0.0/33\"} }\n",
	    "t.conf:1: relay.allow: ", "must be a prefix" },
	{ "relay { deny = {\"2001:db8::1/32\"} }\n",
	    "t.conf:1: relay.deny: ", "host bits" },
	{ "relay { external = {\"1.2.3.4\"} }\n",
	    "t.conf:1: relay.external: ", "outside/inside" },
	{ "relay { external = {\"1.2.3.4/2001:db8::1\"} }\n",
	    "t.conf:1: relay.external: ", "one family" },
	{ RATE SECRET "relay { addresses = {\"1.2.3.4\"}\n"
		      "external = {\"5.6.7.8/1.2.3.5\"} }\n",
	    "t.conf:4: relay.external: ", "none of relay.addresses" },
	{ RATE SECRET
	    "relay { addresses = {\"1.2.3.4\"}\n"
	    "external = {\"5.6.7.8/1.2.3.4\", \"5.6.7.9/1.2.3.4\"} }\n",
	    "t.conf:4: relay.external: ", "two outsides" },
	{ RATE SECRET
	    "relay { addresses = {\"1.2.3.4\", \"1.2.3.5\"}\n"
	    "external = {\"5.6.7.8/1.2.3.4\", \"5.6.7.8/1.2.3.5\"} }\n",
	    "t.conf:4: relay.external: ", "the outside of two" },
	{ RATE SECRET "relay { addresses = {\"1.2.3.4\", \"5.6.7.8\"}\n"
		      "external = {\"5.6.7.8/1.2.3.4\"} }\n",
	    "t.conf:4: relay.external: ", "the outside of two" },
	/* auth */
	{ "auth { secret = {\"\"} }\n", "t.conf:1: auth.secret: ", "empty" },
	{ "auth { secret = {\"***\"} }\n",
	    "t.conf:1: auth.secret: ", "put the secret back" },
	{ RATE "auth {\nsecret-file = /nonexistent/x }\n",
	    "t.conf:3: auth.secret-file: ", "there is none" },
	{ RATE "auth {\nsecret-file = \"$CREDENTIALS_DIRECTORY/x\" }\n",
	    "t.conf:3: auth.secret-file: ", "LoadCredential" },
	{ "auth { user al {\n} }\n", "t.conf:2: auth.user: ", "password" },
	{ "auth { user al { password = '' } }\n",
	    "t.conf:1: auth.user: ", "password" },
	{ "auth { user 'a:l' { password = p } }\n",
	    "t.conf:1: auth.user: ", "colon" },
	{ "auth { user '' { password = p } }\n",
	    "t.conf:1: auth.user: ", "1 to 508" },
	{ "auth { user a { password = '***' } }\n",
	    "t.conf:1: auth.user: ", "masked" },
	{ "auth { user a { password = p }\nuser a { password = q } }\n",
	    "t.conf:2: ", "duplicate" },
	/* caps */
	{ "caps { rate = 50 }\n", "t.conf:1: caps.rate: ", "\"50\"" },
	{ "caps { rate = \"50Mbps\" }\n",
	    "t.conf:1: caps.rate: ", "\"50Mbps\"" },
	{ "caps { rate = \"1bit/s\" }\n",
	    "t.conf:1: caps.rate: ", "at least 12kbit/s" },
	{ "caps { burst = \"1499B\" }\n", "t.conf:1: caps.burst: ", "1500B" },
	{ "caps { burst = 250 }\n",
	    "t.conf:1: caps.burst: ", "a time (\"250ms\") or a size" },
	{ "caps { burst = 2m }\n", "t.conf:1: caps.burst: ", "1ms to 1m" },
	{ SECRET "caps { rate = \"1Mbit/s\"\nburst = 1ms }\n",
	    "t.conf:3: caps.burst: ", "1500B" },
	{ SECRET "caps { rate = \"10Gbit/s\"\nburst = \"1500B\" }\n",
	    "t.conf:3: caps.burst: ", "20us" },
	{ "caps { allocations = 0 }\n",
	    "t.conf:1: caps.allocations: ", "from 1" },
	{ "caps { connections = -5 }\n",
	    "t.conf:1: caps.connections: ", "from 1" },
	/* admin, log */
	{ "admin { listen = 9641 }\n",
	    "t.conf:1: admin.listen: ", "address with a port" },
	{ RATE SECRET "admin { listen = \"0.0.0.0:3478\" }\n",
	    "t.conf:3: admin.listen: ", "already" },
	{ RATE SECRET "admin { socket = x }\n",
	    "t.conf:3: admin.socket: ", "absolute" },
	{ "log { level = loud }\n", "t.conf:1: log.level: ", "debug, info" },
	{ "log { target = nowhere }\n", "t.conf:1: log.target: ", "syslog" },
	/* of later versions */
	{ "relay {\ntcp = true }\n", "t.conf:2: relay.tcp: ", "not served" },
	{ "signalling { origins = {\"a\"} }\n",
	    "t.conf:1: signalling.origins: ", "must be an origin" },
	{ "signalling { wait = 2m }\n",
	    "t.conf:1: signalling.wait: ", "at most 1m" },
	{ "signalling { max-message = 100B }\n",
	    "t.conf:1: signalling.max-message: ", "from 1KiB to 1MiB" },
	{ "signalling { sessions-per-name = 65 }\n",
	    "t.conf:1: signalling.sessions-per-name: ", "from 1 to 64" },
	{ "signalling { watches = 10001 }\n",
	    "t.conf:1: signalling.watches: ", "from 0 to 10000" },
	{ "signalling { bytes = 1kbit/s }\n",
	    "t.conf:1: signalling.bytes: ", "at least 64kbit/s" },
	{ "signalling { credentials = 1s }\n",
	    "t.conf:1: signalling.credentials: ", "from 1m to 7d" },
	/* issuers of tokens, guests */
	{ "auth {\nissuer l { } }\n",
	    "t.conf:2: auth.issuer.jwks: ", "a file or an https:// URL" },
	{ "auth { issuer l { jwks = x } }\n",
	    "t.conf:1: auth.issuer.issuer: ", "\"iss\"" },
	{ "auth { issuer l { jwks = x\nissuer = i } }\n",
	    "t.conf:2: auth.issuer.audience: ", "\"aud\"" },
	{ "auth { issuer l { jwks = '' } }\n",
	    "t.conf:1: auth.issuer.jwks: ", "must be a file or" },
	{ "auth { issuer l { jwks = 'ftp://a/b' } }\n",
	    "t.conf:1: auth.issuer.jwks: ", "must be https://" },
	{ "auth { issuer l { jwks = 'http://login.example/keys' } }\n",
	    "t.conf:1: auth.issuer.jwks: ", "to this machine" },
	{ "auth { issuer l { jwks = 'http://localhost.example/keys' } }\n",
	    "t.conf:1: auth.issuer.jwks: ", "to this machine" },
	{ "auth { issuer l { jwks = 'http://127.0.0.1@evil.example/' } }\n",
	    "t.conf:1: auth.issuer.jwks: ", "must not name a user" },
	{ "auth { issuer l { jwks = 'https:///keys' } }\n",
	    "t.conf:1: auth.issuer.jwks: ", "is no URL" },
	{ "auth { issuer l { jwks = 'https://a/b c' } }\n",
	    "t.conf:1: auth.issuer.jwks: ", "is no URL" },
	{ "auth { issuer l { issuer = '' } }\n",
	    "t.conf:1: auth.issuer.issuer: ", "1 to 512" },
	{ "auth { issuer l { audience = '' } }\n",
	    "t.conf:1: auth.issuer.audience: ", "1 to 512" },
	{ "auth { issuer l { name-claim = '' } }\n",
	    "t.conf:1: auth.issuer.name-claim: ", "1 to 512" },
	{ "auth { issuer 'a/b' { jwks = x issuer = i audience = a } }\n",
	    "t.conf:1: issuer: ", "letters, digits" },
	{ "auth { issuer l { jwks = x issuer = i audience = a }\n"
	  "issuer m { jwks = x issuer = i audience = b } }\n",
	    "t.conf:2: auth.issuer.issuer: ", "that of \"l\" already" },
	{ RATE "auth {\nissuer l { jwks = x issuer = i audience = a } }\n",
	    "t.conf:3: auth.secret: ", "those who log in by auth.issuer" },
	{ RATE "auth { user a { password = p }\nanonymous = true }\n",
	    "t.conf:3: auth.secret: ", "guests (auth.anonymous)" },
	{ "auth { anonymous = maybe }\n",
	    "t.conf:1: auth.anonymous: ", "true or false" },
	{ "admin { public = yes }\n",
	    "t.conf:1: admin.public: ", "not served" },
	{ "admin { page = true }\n", "t.conf:1: admin.page: ", "not served" },
	{ "cluster { redis = x }\n",
	    "t.conf:1: cluster.redis: ", "not served" },
};

static void
test_bad_configurations_are_refused_by_line_and_key(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct snapshot *s = NULL;
		const int rc =
		    snapshot_load_text(&s, "t.conf", bad[i].text, why);

		if (rc != EINVAL || s != NULL ||
		    strncmp(why, bad[i].where, strlen(bad[i].where)) != 0 ||
		    strstr(why, bad[i].what) == NULL)
			fail_msg("%s\nrc %d: %s", bad[i].text, rc, why);
	}
}

/* libconfuse's scanner is one per process. */
static void
test_a_refusal_does_not_spoil_the_next_load(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(
		    snapshot_load_text(&s, "t", bad[i].text, why), EINVAL);
		snapshot_free(load(RATE SECRET));
	}
}

static void
test_no_message_shows_a_secret(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *s = NULL;

	(void)state;
	assert_int_equal(
	    snapshot_load_text(&s, "t", "auth { secret = {\"hush\\n\"} }", why),
	    EINVAL);
	assert_null(strstr(why, "hush"));
}

static void
test_embedded_defaults_do_not_pass(void **state)
{
	char why[SNAPSHOT_ERROR_MAX];
	struct snapshot *s = NULL;

	(void)state;
	assert_int_equal(snapshot_load(&s, NULL, why), EINVAL);
	assert_non_null(strstr(why, "caps.rate"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_bad_configurations_are_refused_by_line_and_key),
		cmocka_unit_test(test_a_refusal_does_not_spoil_the_next_load),
		cmocka_unit_test(test_no_message_shows_a_secret),
		cmocka_unit_test(test_embedded_defaults_do_not_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
