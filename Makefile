# supernode: one Makefile, non-recursive.
#
#   make run    build, start on embedded defaults and show it relaying
#   make test   every test; the last line counts them
#
# Variables: CC=clang, BUILD=dir, SAN=address,undefined | thread, V=1.

BUILD	?= build
CC	= gcc
PREFIX	?= /usr/local
DESTDIR	?=
VERSION	:= $(shell cat VERSION)
REVISION := $(shell git rev-parse --short HEAD 2>/dev/null || echo none)

WARN	= -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
	  -Wpointer-arith -Wformat=2 -Wvla -Werror
# the pure codecs and the protocol must not lose a bit in a conversion
$(BUILD)/obj/common/% $(BUILD)/obj/relay/turn/%: WARN += -Wconversion

CPPFLAGS += -D_GNU_SOURCE -iquote . -iquote relay -MMD -MP
CFLAGS	?= -O2 -g
BASE	= -std=gnu11 -fno-strict-aliasing -fno-common -fstack-protector-strong \
	  -fPIE -pthread
ifndef SAN
CPPFLAGS += -D_FORTIFY_SOURCE=2
MALLOC	= -ljemalloc
else
BASE	+= -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
CPPFLAGS += -DSANITIZED
endif
LDFLAGS	+= -pie -Wl,-z,relro,-z,now -pthread
LIBS	= -levent_core -levent_extra -levent_pthreads \
	  -lssl -lcrypto -lconfuse -ljansson -luring -lcares \
	  -lhttp_parser -lcurl
Q	= $(if $(V),,@)

common_c := $(sort $(wildcard common/*.c common/*/*.c))
relay_c	:= $(filter-out relay/main.c, $(sort $(wildcard relay/*.c \
	   relay/net/*.c relay/turn/*.c relay/budget/*.c relay/policy/*.c \
	   relay/directory/*.c relay/signalling/*.c relay/web/*.c)))
ctl_c	:= $(filter-out relay/ctl/main.c, $(sort $(wildcard relay/ctl/*.c)))
support_c := $(sort $(wildcard tests/support/*.c))
tool_c	:= $(sort $(wildcard tests/bench/*.c))
unit_c	:= $(sort $(wildcard tests/unit/*.c tests/unit/*/*.c tests/unit/*/*/*.c))
fuzz_c	:= $(sort $(wildcard tests/fuzz/fuzz_*.c))
shell	:= $(sort $(wildcard packaging/*.sh tests/*.sh tests/*/*.sh .ci/run))

obj	= $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
unit	:= $(unit_c:%.c=$(BUILD)/%)
fuzz	:= $(fuzz_c:%.c=$(BUILD)/%)
tools	:= $(patsubst tests/bench/%.c,$(BUILD)/tools/%,$(tool_c))

.PHONY: all deps run test check check-asan check-tsan scenario interop modes \
	fuzz fuzzers replay bench bench-signalling cleanroom lint format install uninstall deb clean tools
.SECONDARY:

all: $(BUILD)/supernoded $(BUILD)/supernodectl conf/examples/secret

# of this tree alone, and nobody else's: with it the examples start
conf/examples/secret:
	@echo "  SECRET  $@ (random, for the examples)"
	@(umask 077; od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > $@.$$$$ && \
	    mv $@.$$$$ $@)

# ---- building

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(BASE) $(CPPFLAGS) $(CFLAGS) $(WARN) -c -o $@ $<

# version and revision reach one file only, so that a commit rebuilds one
IDENTITY = -DVERSION='"$(VERSION)"' -DREVISION='"$(REVISION)"'
$(BUILD)/obj/common/build.o: CPPFLAGS += $(IDENTITY)
$(BUILD)/obj/common/build.o: VERSION $(BUILD)/revision
# rewritten only when another commit is checked out
$(shell mkdir -p $(BUILD) && { echo $(REVISION) | cmp -s - $(BUILD)/revision \
	|| echo $(REVISION) > $(BUILD)/revision; })
$(BUILD)/revision: ;

# the page's files are compiled in, each with a tag of its content
web_files := $(sort $(wildcard relay/web/*.html relay/web/*.css \
	   relay/web/*.js relay/web/*.svg))
$(BUILD)/web/assets.inc: $(web_files) relay/web Makefile
	@mkdir -p $(@D)
	@echo "  PAGE    $@"
	$(Q)sha256sum $(web_files) | awk '{ sub(".*/", "", $$2); \
	    printf "ASSET(%d, \"%s\", \"%.20s\")\n", NR, $$2, $$1 }' > $@
$(BUILD)/obj/relay/web/assets.o: CPPFLAGS += -iquote $(BUILD)/web
$(BUILD)/obj/relay/web/assets.o: $(BUILD)/web/assets.inc

$(BUILD)/libcommon.a: $(call obj,$(common_c))
$(BUILD)/librelay.a: $(call obj,$(relay_c))
$(BUILD)/libctl.a: $(call obj,$(ctl_c))
$(BUILD)/libsupport.a: $(call obj,$(support_c))
$(BUILD)/%.a:
	@echo "  AR      $@"
	$(Q)rm -f $@ && ar rcsD $@ $^

LINK	= $(Q)echo "  LD      $@"; mkdir -p $(@D); \
	  $(CC) $(BASE) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(BUILD)/supernoded: $(call obj,relay/main.c) $(BUILD)/librelay.a \
	$(BUILD)/libcommon.a
	$(LINK) $(LIBS) $(MALLOC)
$(BUILD)/supernodectl: $(call obj,relay/ctl/main.c) $(BUILD)/libctl.a \
	$(BUILD)/libcommon.a
	$(LINK) -ljansson -lcrypto

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/librelay.a \
	$(BUILD)/libsupport.a $(BUILD)/libcommon.a
	$(LINK) -lcmocka $(LIBS)
# by others, to compare with
$(BUILD)/tests/unit/common/ws/%: LIBS += -lwslay
$(BUILD)/tests/unit/ctl/%: $(BUILD)/obj/tests/unit/ctl/%.o $(BUILD)/libctl.a \
	$(BUILD)/libcommon.a
	$(LINK) -lcmocka -ljansson -lcrypto

$(BUILD)/tools/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libsupport.a \
	$(BUILD)/libcommon.a
	$(LINK) -lssl -lcrypto -ljansson -lm $(EXTRA)
# only the bench uses it, and does without where it is not there
$(BUILD)/tools/bare: EXTRA = $(shell pkg-config --libs liburing 2>/dev/null)
$(BUILD)/tools/echo: EXTRA = -levent_core
tools: $(tools)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- running

deps:
	@sh packaging/deps.sh

run:
	@sh packaging/deps.sh run build
	@$(MAKE) -s --no-print-directory all tools
	@sh packaging/run.sh $(BUILD)

# ---- testing: each target leaves its counts in $(BUILD)/results

RUNNER	= bash tests/runner.sh $(BUILD)

# what a plain `make test` runs, in the order in which failures tell most
test:
	@sh packaging/deps.sh run build test
	@bash tests/all.sh $(BUILD)

check: $(unit)
	@$(RUNNER) unit $(unit)
# what scenarios 018 and 060 do at full speed only
SMALLER	= SIFT_ALLOCATIONS=2000 SIFT_SECONDS=3 CAPS_BRIEF=yes
check-asan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan CC=clang \
	    SAN=address,undefined $(SMALLER) all tools check replay scenario
check-tsan:
	@rc=0; $(MAKE) --no-print-directory BUILD=$(BUILD)/tsan CC=clang \
	    SAN=thread all tools check || rc=1; \
	$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan CC=clang \
	    SAN=thread WORKERS=4 $(SMALLER) scenario || rc=1; exit $$rc
scenario: all tools
	@$(RUNNER) scenario $(sort $(wildcard tests/scenario/[0-9]*.sh))
interop: all tools
	@$(RUNNER) interop $(sort $(wildcard tests/interop/[0-9]*.sh))
# what moves packets, with GSO/GRO, the hairpin and io_uring on and off
modes_sh := $(sort $(wildcard tests/scenario/01*.sh tests/interop/01*.sh \
	    tests/interop/020*.sh tests/interop/050*.sh))
modes: all tools
	@bash tests/modes.sh $(BUILD) $(modes_sh)

# one fuzz target per parser: FUZZ_SECONDS each; `replay` runs the kept corpus
FUZZ_SECONDS ?= 60
fuzzers	:= $(fuzz_c:tests/fuzz/%.c=$(BUILD)/bin/%)
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang \
	    SAN=fuzzer-no-link,address,undefined fuzzers
	@bash tests/fuzz/fuzz.sh $(BUILD) $(FUZZ_SECONDS) \
	    $(fuzzers:$(BUILD)/%=$(BUILD)/fuzz/%)
fuzzers: $(fuzzers)
# a target that brings its own net/ or clock wins over the archives
$(BUILD)/bin/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/librelay.a \
	$(BUILD)/libcommon.a
	$(LINK) -fsanitize=fuzzer -lcmocka $(LIBS)

$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o \
	$(BUILD)/obj/tests/fuzz/replay.o $(BUILD)/librelay.a $(BUILD)/libcommon.a
	$(LINK) -lcmocka $(LIBS)
replay: $(fuzz)
	@$(RUNNER) replay $(fuzz)

bench: all tools
	@bash tests/bench/bench.sh $(BUILD)
bench-signalling: all tools
	@bash tests/bench/signalling.sh $(BUILD)

# ROOM=test, or any command: what it does on a bare Debian 12; needs root
ROOM ?= run
cleanroom:
	@bash packaging/cleanroom.sh $(ROOM)

# ---- the house

lint:
	@bash tests/lint.sh
format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

install: all
	install -Dm755 $(BUILD)/supernoded $(DESTDIR)$(PREFIX)/sbin/supernoded
	install -Dm755 $(BUILD)/supernodectl $(DESTDIR)$(PREFIX)/bin/supernodectl
	install -Dm644 docs/man/supernoded.8 $(DESTDIR)$(PREFIX)/share/man/man8/supernoded.8
	install -Dm644 docs/man/supernoded.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/supernoded.conf.5
	install -Dm644 docs/man/supernodectl.1 $(DESTDIR)$(PREFIX)/share/man/man1/supernodectl.1
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local|$(PREFIX)|g' packaging/systemd/supernoded.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/supernoded.service
	test -e $(DESTDIR)/etc/supernode/supernoded.conf || \
	    install -Dm644 conf/supernoded.conf $(DESTDIR)/etc/supernode/supernoded.conf
	install -dm700 $(DESTDIR)/etc/supernode/tls
	test -e $(DESTDIR)/etc/supernode/secret || \
	    (umask 077; openssl rand -base64 33 > $(DESTDIR)/etc/supernode/secret)
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/supernoded \
	    $(DESTDIR)$(PREFIX)/bin/supernodectl \
	    $(DESTDIR)$(PREFIX)/share/man/man8/supernoded.8 \
	    $(DESTDIR)$(PREFIX)/share/man/man5/supernoded.conf.5 \
	    $(DESTDIR)$(PREFIX)/share/man/man1/supernodectl.1 \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/supernoded.service
	@echo "$(DESTDIR)/etc/supernode is kept: its secret may be in use"
deb:
	@echo "make deb: Debian packaging is not part of this version" >&2; exit 1
clean:
	rm -rf $(BUILD)
