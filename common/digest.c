#include "common/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/secret.h"

enum {
	KINDS = DIGEST_SHA256 + 1,
	BLOCK_LEN = 64, /* of all three kinds */
	IPAD = 0x36,    /* RFC 2104, section 2 */
	OPAD = 0x5c,
};

static const char *const names[KINDS] = { "MD5", "SHA1", "SHA256" };
static const size_t lengths[KINDS] = { DIGEST_MD5_LEN, DIGEST_SHA1_LEN,
	DIGEST_SHA256_LEN };

/* FROZEN: after the first call */
static EVP_MD *kinds[KINDS];
static pthread_key_t contexts;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static _Thread_local EVP_MD_CTX *context;

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "digest: OpenSSL failed at=%s\n", what);
	abort();
}

static void
free_context(void *ctx)
{
	EVP_MD_CTX_free(ctx);
	context = NULL;
}

static void
fetch(void)
{
	for (unsigned i = 0; i < KINDS; i++)
		if ((kinds[i] = EVP_MD_fetch(NULL, names[i], NULL)) == NULL)
			die(names[i]);
	if (pthread_key_create(&contexts, free_context) != 0)
		die("key");
}

static EVP_MD_CTX *
begin(enum digest kind)
{
	if (context == NULL) {
		if (pthread_once(&once, fetch) != 0)
			die("once");
		if ((context = EVP_MD_CTX_new()) == NULL ||
		    pthread_setspecific(contexts, context) != 0)
			die("context");
	}
	if (EVP_DigestInit_ex2(context, kinds[kind], NULL) != 1)
		die("init");
	return context;
}

static void
feed(EVP_MD_CTX *ctx, const void *data, size_t len)
{
	if (EVP_DigestUpdate(ctx, data, len) != 1)
		die("update");
}

static void
feed_parts(EVP_MD_CTX *ctx, const struct digest_part *parts, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		feed(ctx, parts[i].data, parts[i].len);
}

static void
finish(uint8_t *out, EVP_MD_CTX *ctx)
{
	if (EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		die("final");
}

/* The key as one block: hashed first when it is longer. */
static void
load_key(uint8_t block[BLOCK_LEN], enum digest kind, struct digest_part key)
{
	memset(block, 0, BLOCK_LEN);
	if (key.len > BLOCK_LEN)
		digest_hash(block, kind, &key, 1);
	else if (key.len > 0)
		memcpy(block, key.data, key.len);
}

static void
xor_block(uint8_t block[BLOCK_LEN], uint8_t with)
{
	for (unsigned i = 0; i < BLOCK_LEN; i++)
		block[i] ^= with;
}

void
digest_hash(uint8_t *out, enum digest kind, const struct digest_part *parts,
    unsigned count)
{
	EVP_MD_CTX *ctx = begin(kind);

	feed_parts(ctx, parts, count);
	finish(out, ctx);
}

void
digest_hmac(uint8_t *out, enum digest kind, struct digest_part key,
    const struct digest_part *parts, unsigned count)
{
	uint8_t block[BLOCK_LEN], inner[DIGEST_LEN_MAX];
	EVP_MD_CTX *ctx;

	load_key(block, kind, key);

	/* inner = H(key ^ ipad, parts) */
	xor_block(block, IPAD);
	ctx = begin(kind);
	feed(ctx, block, BLOCK_LEN);
	feed_parts(ctx, parts, count);
	finish(inner, ctx);

	/* out = H(key ^ opad, inner) */
	xor_block(block, IPAD ^ OPAD);
	ctx = begin(kind);
	feed(ctx, block, BLOCK_LEN);
	feed(ctx, inner, lengths[kind]);
	finish(out, ctx);
	secret_wipe(block, sizeof(block));
}
