#include "relay/audit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/build.h"
#include "common/hex.h"
#include "common/log.h"
#include "common/mem.h"
#include "relay/audit_file.h"
#include "relay/audit_key.h"
#include "relay/audit_subject.h"
#include "relay/mailbox.h"
#include "relay/snapshot.h"

enum {
	NAME_MAX_LEN = 4096,
	FILE_MODE = 0640,
};

/* What the thread works by, from one apply to the next. */
struct settings {
	char *path; /* "": off */
	enum snapshot_subjects subjects;
	uint64_t rotate_bytes;
	uint64_t retention_s;
	struct audit_key key; /* when on */
};

struct audit {
	/* FROZEN: after audit_open */
	struct mailbox *mailbox;
	char key_path[NAME_MAX_LEN];
	char head_path[NAME_MAX_LEN];
	/* OWNER: main */
	pthread_t thread;
	bool is_running;
	char key_text[2 * SIGNATURE_PUBLIC_LEN + 1];
	char *path; /* of the last settings */
	/* OWNER: the audit thread */
	struct settings *now;
	struct audit_file *file; /* NULL: off, or not to be had */
	uint64_t lost_before;    /* by files that were closed */
	/* SHARED: atomic */
	_Atomic(struct settings *) late; /* the mailbox was full */
	_Atomic bool is_on;
	_Atomic bool is_ending;
	_Atomic int failing;
	_Atomic uint64_t missed; /* not in the mailbox, not told yet */
	_Atomic uint64_t lines, sealed, lost;
};

/* An allocation on its way to the thread; its user stands behind it. */
struct record {
	const char *event;
	int64_t wall_ms;
	json_t *detail; /* of audit_event; else the rest counts */
	struct audit_session session;
	struct addr client;
	struct addr relayed[2];
	char user[];
};

/* ---- any thread */

static void
free_record(struct record *r)
{
	json_decref(r->detail);
	mem_free(r);
}

static void on_record(void *context, void *arg);

static void
hand_over(struct audit *a, struct record *r)
{
	r->wall_ms = mono_wall_ms();
	if (mailbox_post(a->mailbox, on_record, r) == 0)
		return;
	atomic_fetch_add(&a->missed, 1);
	free_record(r);
}

static bool
is_wanted(const struct audit *a)
{
	return a != NULL &&
	    atomic_load_explicit(&a->is_on, memory_order_relaxed);
}

void
audit_event(struct audit *a, const char *event, json_t *detail)
{
	struct record *r;

	if (!is_wanted(a)) {
		json_decref(detail);
		return;
	}
	if ((r = mem_try(1, sizeof(*r))) == NULL) {
		atomic_fetch_add(&a->missed, 1);
		json_decref(detail);
		return;
	}
	r->event = event;
	r->detail = detail != NULL ? detail : json_object();
	hand_over(a, r);
}

static void
send_session(struct audit *a, const char *event, const struct audit_session *s)
{
	struct record *r;

	if (!is_wanted(a))
		return;
	if ((r = mem_try(1, sizeof(*r) + s->user_len)) == NULL) {
		atomic_fetch_add(&a->missed, 1);
		return;
	}
	r->event = event;
	r->session = *s;
	r->client = *s->client;
	for (int i = 0; i < 2; i++)
		if (s->relayed[i] != NULL)
			r->relayed[i] = *s->relayed[i];
	memcpy(r->user, s->user, s->user_len);
	hand_over(a, r);
}

void
audit_opened(struct audit *a, const struct audit_session *s)
{
	send_session(a, "opened", s);
}

void
audit_closed(struct audit *a, const struct audit_session *s)
{
	send_session(a, "closed", s);
}

/* ---- the audit thread: records to lines */

static json_t *
relayed_json(const struct record *r)
{
	char text[ADDR_TEXT_MAX];
	json_t *all = json_array();

	for (int i = 0; i < 2; i++)
		if (!addr_is_none(&r->relayed[i]))
			json_array_append_new(all,
			    json_string(addr_format(&r->relayed[i], text)));
	return all;
}

static json_t *
session_json(const struct record *r, const struct audit_subject *by)
{
	const struct audit_session *s = &r->session;
	json_t *j;

	/* what is NULL is left out */
	j = json_pack("{s:I,s:o*,s:o*,s:s,s:o*}", "allocation",
	    (json_int_t)s->id, "user",
	    audit_subject_user(by, r->user, s->user_len), "client",
	    audit_subject_addr(by, &r->client), "transport", s->transport,
	    "relayed",
	    by->how == SNAPSHOT_SUBJECTS_NONE ? NULL : relayed_json(r));
	if (j == NULL || s->why == NULL)
		return j;
	json_object_update_new(j,
	    json_pack("{s:s,s:f,s:I,s:I,s:I,s:I,s:I}", "why", s->why, "age_s",
		(double)s->age_ms / 1000, "up_packets",
		(json_int_t)s->up_packets, "up_bytes", (json_int_t)s->up_bytes,
		"down_packets", (json_int_t)s->down_packets, "down_bytes",
		(json_int_t)s->down_bytes, "dropped", (json_int_t)s->dropped));
	return j;
}

/* Takes detail. */
static void
write_line(struct audit *a, int64_t wall_ms, const char *event, json_t *detail)
{
	static const char *const reserved[] = { "seq", "time", "event",
		"hash" };
	char *text;
	size_t len;

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		json_object_del(detail, reserved[i]);
	text = json_dumps(
	    detail, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12));
	json_decref(detail);
	if (text == NULL) {
		audit_file_lose(a->file, 1);
		return;
	}
	/* the inside of { } */
	len = strlen(text);
	text[len - 1] = '\0';
	audit_file_add(a->file, wall_ms, event, text + 1);
	mem_free(text); /* jansson allocates by malloc, as mem does */
}

static void
on_record(void *context, void *arg)
{
	struct audit *a = context;
	struct record *r = arg;
	struct audit_subject by;
	json_t *j;

	if (a->file == NULL) {
		free_record(r);
		return;
	}
	by = (struct audit_subject){ a->now->subjects, &a->now->key };
	if (r->detail != NULL) {
		j = json_incref(r->detail);
		audit_subject_hide(&by, j);
	} else {
		j = session_json(r, &by);
	}
	write_line(a, r->wall_ms, r->event, j);
	free_record(r);
}

/* ---- the audit thread: settings */

static void
free_settings(struct settings *s)
{
	if (s == NULL)
		return;
	mem_free(s->path);
	audit_key_wipe(&s->key);
	mem_free(s);
}

static struct audit_file_config
file_config(const struct audit *a, const struct settings *s)
{
	return (struct audit_file_config){
		.path = s->path,
		.head = a->head_path,
		.rotate_bytes = s->rotate_bytes,
		.retention_s = s->retention_s,
		.key = &s->key,
	};
}

static int
open_file(struct audit_file **out, const struct audit *a,
    const struct settings *s, char *why, size_t why_size)
{
	const struct audit_file_config config = file_config(a, s);

	return audit_file_open(out, &config, mono_wall_ms(), why, why_size);
}

static void
close_file(struct audit *a)
{
	struct audit_file_view v;

	if (a->file == NULL)
		return;
	audit_file_view(a->file, &v);
	a->lost_before += v.lost;
	audit_file_close(a->file, mono_wall_ms());
	a->file = NULL;
}

static int
change_file(struct audit *a, const struct settings *s)
{
	const struct audit_file_config config = file_config(a, s);
	char why[NAME_MAX_LEN];
	int rc;

	if (a->file != NULL && strcmp(a->now->path, s->path) == 0)
		return audit_file_reopen(a->file, &config, mono_wall_ms());
	close_file(a);
	if (s->path[0] == '\0')
		return 0;
	if ((rc = open_file(&a->file, a, s, why, sizeof(why))) != 0)
		log_error("audit: log not opened: %s", why);
	return rc;
}

/* By mailbox, so that records before it go by the old ones. */
static void
on_settings(void *context, void *arg)
{
	struct settings *s = arg;
	struct audit *a = context;
	const int rc = change_file(a, s);

	if (rc != 0)
		log_error("audit: log not changed path=%s reason=%s", s->path,
		    code_text(rc));
	atomic_store(&a->failing, rc);
	free_settings(a->now);
	a->now = s;
}

static void
take_late(struct audit *a)
{
	struct settings *s = atomic_exchange(&a->late, NULL);

	if (s != NULL)
		on_settings(a, s);
}

/* ---- the audit thread */

static void
show(struct audit *a)
{
	struct audit_file_view v = { 0 };

	if (a->file != NULL)
		audit_file_view(a->file, &v);
	atomic_store(&a->lines, v.seq);
	atomic_store(&a->sealed, v.sealed);
	atomic_store(
	    &a->lost, a->lost_before + v.lost + atomic_load(&a->missed));
}

static void
flush(struct audit *a)
{
	const uint64_t missed = atomic_exchange(&a->missed, 0);
	int rc;

	if (a->file == NULL) { /* off, or it could not be opened */
		a->lost_before += missed;
		show(a);
		return;
	}
	if (missed > 0)
		audit_file_lose(a->file, missed);
	rc = audit_file_flush(a->file, mono_wall_ms());
	if (rc != 0 && atomic_load(&a->failing) == 0)
		log_error("audit: lines are lost path=%s reason=%s",
		    a->now->path, code_text(rc));
	if (rc == 0 && atomic_load(&a->failing) != 0)
		log_info(
		    "audit: the log is written again path=%s", a->now->path);
	atomic_store(&a->failing, rc);
	show(a);
}

static void
say_start(struct audit *a)
{
	if (a->file != NULL)
		write_line(a, mono_wall_ms(), "start",
		    json_pack("{s:s,s:s,s:i}", "version", build_version,
			"revision", build_revision, "pid", (int)getpid()));
}

static void
wait_for_mail(const struct audit *a)
{
	struct pollfd p = { .fd = mailbox_fd(a->mailbox), .events = POLLIN };
	int ms = -1;

	if (a->file != NULL)
		ms = audit_file_wait_ms(a->file, mono_wall_ms());
	poll(&p, 1, ms);
}

static void *
run(void *arg)
{
	struct audit *a = arg;

	say_start(a);
	flush(a);
	while (!atomic_load(&a->is_ending)) {
		wait_for_mail(a);
		mailbox_drain(a->mailbox, a);
		take_late(a);
		flush(a);
	}
	mailbox_drain(a->mailbox, a);
	take_late(a);
	if (a->file != NULL)
		write_line(a, mono_wall_ms(), "end", json_object());
	flush(a);
	close_file(a);
	return NULL;
}

/* ---- the main thread */

static int
make_settings(struct settings **out, const struct audit *a,
    const struct snapshot *conf, char *why, size_t why_size)
{
	struct settings *s;
	int rc = ENOMEM;

	snprintf(why, why_size, "audit: out of memory");
	if ((s = mem_try(1, sizeof(*s))) == NULL ||
	    (s->path = mem_strdup(conf->audit.file)) == NULL)
		goto fail;
	s->subjects = conf->audit.subjects;
	s->rotate_bytes = conf->audit.rotate_bytes;
	s->retention_s = conf->audit.retention_s;
	if (s->path[0] != '\0' &&
	    (rc = audit_key_load(&s->key, a->key_path, why, why_size)) != 0)
		goto fail;
	*out = s;
	return 0;

fail:
	free_settings(s);
	return rc;
}

/* Remembers what view tells of them. */
static int
show_settings(struct audit *a, const struct settings *s)
{
	char *path = mem_strdup(s->path);

	if (path == NULL)
		return ENOMEM;
	mem_free(a->path);
	a->path = path;
	a->key_text[0] = '\0';
	if (s->path[0] != '\0')
		hex_write(a->key_text, s->key.public_key, SIGNATURE_PUBLIC_LEN);
	atomic_store(&a->is_on, s->path[0] != '\0');
	return 0;
}

static int
spawn(struct audit *a)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&a->thread, NULL, run, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return rc;
	pthread_setname_np(a->thread, "audit");
	a->is_running = true;
	return 0;
}

int
audit_open(
    struct audit **out, const struct snapshot *conf, char *why, size_t why_size)
{
	struct audit *a;
	int rc = ENOMEM;

	snprintf(why, why_size, "audit: out of memory");
	if ((a = mem_try(1, sizeof(*a))) == NULL)
		return ENOMEM;
	snprintf(a->key_path, NAME_MAX_LEN, "%s/audit.key", conf->node.state);
	snprintf(a->head_path, NAME_MAX_LEN, "%s/audit.head", conf->node.state);
	if ((a->mailbox = mailbox_new(AUDIT_ROOM)) == NULL ||
	    (rc = make_settings(&a->now, a, conf, why, why_size)) != 0)
		goto fail;
	/* a start that could not write is told now */
	if (a->now->path[0] != '\0' &&
	    (rc = open_file(&a->file, a, a->now, why, why_size)) != 0)
		goto fail;
	if ((rc = show_settings(a, a->now)) != 0 || (rc = spawn(a)) != 0)
		goto fail;
	*out = a;
	return 0;

fail:
	audit_close(a);
	return rc;
}

static void
on_wake(void *context, void *arg)
{
	(void)context;
	(void)arg;
}

/* A full mailbox wakes the thread as well. */
static void
wake(struct audit *a)
{
	if (mailbox_post(a->mailbox, on_wake, NULL) != 0)
		log_debug("audit: mailbox full");
}

void
audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	if (a->is_running) {
		atomic_store(&a->is_ending, true);
		wake(a);
		pthread_join(a->thread, NULL);
	}
	close_file(a);
	free_settings(atomic_load(&a->late));
	free_settings(a->now);
	mailbox_free(a->mailbox);
	mem_free(a->path);
	mem_free(a);
}

int
audit_may_apply(
    struct audit *a, const struct snapshot *conf, char *why, size_t why_size)
{
	const char *path = conf->audit.file;
	struct settings *s;
	int fd, rc;

	if (path[0] == '\0')
		return 0;
	if ((rc = make_settings(&s, a, conf, why, why_size)) != 0)
		return rc;
	free_settings(s);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    FILE_MODE);
	if (fd < 0) {
		rc = errno;
		snprintf(
		    why, why_size, "audit.file: %s: %s", path, code_text(rc));
		return rc;
	}
	close(fd);
	return 0;
}

void
audit_apply(struct audit *a, const struct snapshot *conf)
{
	char why[NAME_MAX_LEN];
	struct settings *s;

	if (make_settings(&s, a, conf, why, sizeof(why)) != 0) {
		log_error("audit: the old settings stay: %s", why);
		return;
	}
	if (show_settings(a, s) != 0) {
		free_settings(s);
		return;
	}
	if (mailbox_post(a->mailbox, on_settings, s) != 0)
		free_settings(atomic_exchange(&a->late, s));
}

void
audit_view(struct audit *a, struct audit_view *out)
{
	*out = (struct audit_view){
		.is_on = atomic_load(&a->is_on),
		.failing = atomic_load(&a->failing),
		.lines = atomic_load(&a->lines),
		.sealed = atomic_load(&a->sealed),
		.lost = atomic_load(&a->lost),
	};
	snprintf(out->key, sizeof(out->key), "%s", a->key_text);
}
