#include "web/assets.h"

#include <stddef.h>

/* clang-format off */

/* assets.inc is written by the Makefile: one ASSET for each file. */
#define ASSET(n, file, hash)                                                  \
	__asm__(".pushsection .rodata, \"a\", %progbits\n"                    \
		".hidden web_asset_" #n ", web_asset_end_" #n "\n"            \
		".globl web_asset_" #n ", web_asset_end_" #n "\n"             \
		"web_asset_" #n ": .incbin \"relay/web/" file "\"\n"          \
		"web_asset_end_" #n ": .byte 0\n"                             \
		".popsection");                                               \
	extern const char web_asset_##n[] __attribute__((visibility("hidden"))); \
	extern const char web_asset_end_##n[]                                 \
	    __attribute__((visibility("hidden")));
#include "assets.inc"
#undef ASSET

const struct web_asset web_assets[] = {
#define ASSET(n, file, hash)                                                  \
	{ file, "\"" hash "\"", web_asset_##n, web_asset_end_##n },
#include "assets.inc"
#undef ASSET
	{ NULL, NULL, NULL, NULL }
};
