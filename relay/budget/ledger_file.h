/*
 * ledger_file: the ledger on disk, so that a crash can only over-count.
 *
 *	DIR/ledger          all of it: JSON, and its SHA-256 on a line behind;
 *	                    written anew beside itself and renamed
 *	DIR/ledger.charge   32 records of 128 bytes, overwritten in turn: what
 *	                    the host counted, and what is charged ahead of it
 *	DIR/ledger.2026-10  a month that is over, as its report
 *
 * What is charged may move once budget_ledger_file_charge returned 0, and
 * not before: after a kill or a power cut all of it counts as moved.  A record
 * that does not add up counts as BUDGET_LEDGER_RESERVE more; a ledger that
 * does not, or lacks its other half, is refused and stays where it is.
 *
 * OWNER: main.  System calls: here.
 */
#ifndef RELAY_BUDGET_LEDGER_FILE_H
#define RELAY_BUDGET_LEDGER_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "budget/ledger.h"
#include "common/code.h"

enum {
	/* most that may be charged and not have moved: what a crash costs */
	BUDGET_LEDGER_RESERVE = 256 * 1024 * 1024,
	BUDGET_LEDGER_MONTHS = 16, /* kept on disk */
	BUDGET_LEDGER_WHY_MAX = 512,
	BUDGET_LEDGER_FILE_MAX = 64 * 1024 * 1024,
	BUDGET_CHARGE_SLOTS = 32,
	BUDGET_CHARGE_LEN = 128,
	BUDGET_CHARGE_FILE = BUDGET_CHARGE_SLOTS * BUDGET_CHARGE_LEN,
};

/* A record of ledger.charge. */
struct budget_charge {
	uint64_t seq;  /* 1.. */
	bool is_clean; /* the last one of an orderly end */
	int32_t id[BUDGET_PERIODS];
	struct {
		uint64_t in, out, counted;
		uint64_t charged; /* >= counted: counts as moved */
	} at[BUDGET_PERIODS];
};

/* What a ledger.charge tells.  Pure. */
struct budget_charges {
	struct budget_charge last; /* seq 0: there is none */
	unsigned bad;              /* records that do not add up */
};
void budget_charge_write(
    uint8_t to[BUDGET_CHARGE_LEN], const struct budget_charge *c);
void
budget_charges_read(struct budget_charges *out, const void *data, size_t len);

/* A file's text: o and its checksum, to be freed; NULL when memory is
 * short.  And back: NULL when it does not add up.  Pure. */
char *budget_ledger_seal(const struct json_t *o);
struct json_t *budget_ledger_unseal(const char *text, size_t len);

struct budget_ledger_file;

/* What was found at opening. */
struct budget_ledger_found {
	struct budget_ledger *ledger; /* the caller's; NULL: none yet */
	bool is_unclean;              /* ended without budget_ledger_file_end */
	unsigned bad;                 /* records that did not add up */
	uint64_t carried;             /* held against the month for both */
};

/*
 * Returns 0; or EBADMSG (damaged), EBUSY (another process has it), an errno of
 * the disk, each with a sentence in why.
 */
MUST_CHECK int budget_ledger_file_open(struct budget_ledger_file **out,
    struct budget_ledger_found *found, const char *dir,
    char why[BUDGET_LEDGER_WHY_MAX]);
void budget_ledger_file_close(struct budget_ledger_file *f);

/* Charges ahead bytes beyond what l's host used.  Returns 0 when that is on
 * disk, else an errno. */
MUST_CHECK int budget_ledger_file_charge(
    struct budget_ledger_file *f, struct budget_ledger *l, uint64_t ahead);
/* Writes all of l.  Returns 0 when it is on disk, else an errno. */
MUST_CHECK int budget_ledger_file_save(
    struct budget_ledger_file *f, const struct budget_ledger *l);
/* Both, with nothing ahead: an orderly end. */
MUST_CHECK int
budget_ledger_file_end(struct budget_ledger_file *f, struct budget_ledger *l);

/* Keeps the report of a month that is over; the oldest go.  Returns 0 or an
 * errno. */
MUST_CHECK int budget_ledger_file_keep(
    struct budget_ledger_file *f, int32_t month, const struct json_t *report);
/* A report that was kept: 0, ENOENT, EBADMSG, or another errno. */
MUST_CHECK int budget_ledger_file_kept(
    struct budget_ledger_file *f, int32_t month, struct json_t **report);

#endif
