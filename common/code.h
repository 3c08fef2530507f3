/*
 * code: one space for everything that can go wrong.
 *
 * 0 is done.  Below 200 stands an errno, 300-699 a STUN/TURN or HTTP-like
 * code that may be sent to a client as it is (RFC 8489, section 14.8).
 */
#ifndef COMMON_CODE_H
#define COMMON_CODE_H

#define MUST_CHECK __attribute__((warn_unused_result))

enum {
	CODE_ERRNO_END = 200,
	CODE_STUN_MIN = 300,
	CODE_STUN_MAX = 699,
};

/* Reason phrase of code (RFC 8489/8656 wording, or strerror); never NULL. */
const char *code_text(int code);

#endif
