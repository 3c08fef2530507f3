/* The records of ledger.charge, and texts with their checksum. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "budget/ledger_file.h"
#include "common/cursor.h"
#include "common/digest.h"
#include "common/mem.h"

enum {
	MAGIC = 0x534e4c31, /* "SNL1" */
	CHECK_LEN = 16,     /* of a SHA-256 */
	CHECKED_LEN = BUDGET_CHARGE_LEN - CHECK_LEN,
	FLAG_CLEAN = 1,
	HEX_LEN = 2 * DIGEST_SHA256_LEN,
};

static void
put_u64(struct pen *p, uint64_t n)
{
	pen_u32(p, (uint32_t)(n >> 32));
	pen_u32(p, (uint32_t)n);
}

static uint64_t
get_u64(struct cursor *c)
{
	const uint64_t high = cursor_u32(c);

	return high << 32 | cursor_u32(c);
}

static void
checksum(uint8_t out[DIGEST_LEN_MAX], const void *data, size_t len)
{
	const struct digest_part part = { data, len };

	digest_hash(out, DIGEST_SHA256, &part, 1);
}

void
budget_charge_write(
    uint8_t to[BUDGET_CHARGE_LEN], const struct budget_charge *c)
{
	uint8_t check[DIGEST_LEN_MAX];
	struct pen p;

	memset(to, 0, BUDGET_CHARGE_LEN);
	pen_init(&p, to, CHECKED_LEN);
	pen_u32(&p, MAGIC);
	pen_u32(&p, c->is_clean ? FLAG_CLEAN : 0);
	put_u64(&p, c->seq);
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		pen_u32(&p, (uint32_t)c->id[k]);
		put_u64(&p, c->at[k].in);
		put_u64(&p, c->at[k].out);
		put_u64(&p, c->at[k].counted);
		put_u64(&p, c->at[k].charged);
	}
	checksum(check, to, CHECKED_LEN);
	memcpy(to + CHECKED_LEN, check, CHECK_LEN);
}

/* False when the record does not add up. */
static bool
read_record(struct budget_charge *c, const uint8_t *from)
{
	uint8_t check[DIGEST_LEN_MAX];
	struct cursor in;

	checksum(check, from, CHECKED_LEN);
	if (memcmp(check, from + CHECKED_LEN, CHECK_LEN) != 0)
		return false;
	cursor_init(&in, from, CHECKED_LEN);
	if (cursor_u32(&in) != MAGIC)
		return false;
	c->is_clean = cursor_u32(&in) & FLAG_CLEAN;
	c->seq = get_u64(&in);
	for (int k = 0; k < BUDGET_PERIODS; k++) {
		c->id[k] = (int32_t)cursor_u32(&in);
		c->at[k].in = get_u64(&in);
		c->at[k].out = get_u64(&in);
		c->at[k].counted = get_u64(&in);
		c->at[k].charged = get_u64(&in);
	}
	return c->seq != 0;
}

static bool
is_unused(const uint8_t *record)
{
	for (int i = 0; i < BUDGET_CHARGE_LEN; i++)
		if (record[i] != 0)
			return false;
	return true;
}

/* A file that is too short lacks records; one without a byte is new. */
void
budget_charges_read(struct budget_charges *out, const void *data, size_t len)
{
	const uint8_t *record = data;
	struct budget_charge c;

	*out = (struct budget_charges){ .bad = 0 };
	if (len == 0)
		return;
	for (int i = 0; i < BUDGET_CHARGE_SLOTS; i++) {
		if (len < (size_t)(i + 1) * BUDGET_CHARGE_LEN) {
			out->bad += BUDGET_CHARGE_SLOTS - (unsigned)i;
			return;
		}
		if (is_unused(record + i * BUDGET_CHARGE_LEN))
			continue;
		if (!read_record(&c, record + i * BUDGET_CHARGE_LEN))
			out->bad++;
		else if (c.seq > out->last.seq)
			out->last = c;
	}
}

/* ---- texts */

static void
hex(char out[HEX_LEN + 1], const void *data, size_t len)
{
	uint8_t sum[DIGEST_LEN_MAX];

	checksum(sum, data, len);
	for (int i = 0; i < DIGEST_SHA256_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

char *
budget_ledger_seal(const json_t *o)
{
	char *body = json_dumps(o, JSON_COMPACT);
	const size_t len = body != NULL ? strlen(body) : 0;
	char sum[HEX_LEN + 1];
	char *text;

	if (body == NULL)
		return NULL;
	if ((text = mem_try(1, len + HEX_LEN + 3)) != NULL) {
		hex(sum, body, len);
		snprintf(text, len + HEX_LEN + 3, "%s\n%s\n", body, sum);
	}
	mem_free(body); /* jansson allocates by malloc, as mem does */
	return text;
}

json_t *
budget_ledger_unseal(const char *text, size_t len)
{
	const size_t tail = HEX_LEN + 2;
	char sum[HEX_LEN + 1];
	json_error_t error;

	if (len < tail || text[len - 1] != '\n' || text[len - tail] != '\n')
		return NULL;
	hex(sum, text, len - tail);
	if (memcmp(sum, text + len - tail + 1, HEX_LEN) != 0)
		return NULL;
	return json_loadb(text, len - tail, JSON_REJECT_DUPLICATES, &error);
}
