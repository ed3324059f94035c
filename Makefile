# bearer: build, check, install. `make help` lists the targets.
#   make [LUA=lua5.4|luajit|lua5.3|lua5.2|lua5.1|lua|/path/of/a/lua]

LUA        ?= lua5.4
PKG_CONFIG ?= pkg-config
CFLAGS     ?= -O2 -g
ifeq ($(origin CC),default)
CC := gcc
endif

# "NAME VERSION PACKAGE LUADIR LIBDIR", said by the interpreter itself where it is there. Asked when
# it is needed, not when this file is read: `make test` installs Lua and pkg-config.
ask = $(eval ANSWER := $$(shell PKG_CONFIG='$(PKG_CONFIG)' sh spec/ci/which_lua.sh \
        '$(LUA)' '$(PREFIX)'))$(or $(ANSWER),$(error LUA=$(LUA) is of no use))
FACTS = $(or $(ANSWER),$(ask))
NAME := $(if $(filter lua5.1 lua5.2 lua5.3 lua5.4 luajit,$(LUA)),$(LUA),$(word 1,$(FACTS)))

BUILD    := build/$(NAME)$(if $(SANITIZE),-asan)
MODULE   := $(BUILD)/bearer/core.so
SOURCES  := $(sort $(wildcard csrc/*/*.c))
OBJECTS  := $(SOURCES:csrc/%.c=$(BUILD)/%.o)
UNITS    := $(patsubst spec/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard spec/unit/*.c)))
BENCH    := $(patsubst spec/bench/%.c,$(BUILD)/%.so,$(sort $(wildcard spec/bench/*.c)))
FUZZERS  := $(patsubst spec/fuzz/%.c,build/fuzz/%,$(sort $(wildcard spec/fuzz/*.c)))
LUA_SRC  := $(sort $(shell find lua -name '*.lua'))
C_FILES   = $(sort $(shell find csrc spec -name '*.[ch]'))
SH_FILES  = $(sort $(wildcard spec/ci/*.sh .ci/run))

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wwrite-strings -Wundef -Wvla $(if $(WERROR),-Werror)
ifdef SANITIZE
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif
DIALECT  := -std=c11 -Icsrc -D_GNU_SOURCE -fPIC -fvisibility=hidden
HEADERS   = $(if $(LUA_INCDIR),-I$(LUA_INCDIR),$(shell $(PKG_CONFIG) --cflags $(PC)))
PC        = $(or $(filter-out -,$(word 3,$(FACTS))),$(error pkg-config knows no headers of \
            $(NAME). Install them, or say where they are: LUA_INCDIR=/usr/include/…))
PACKAGES  = $(HEADERS) $(shell $(PKG_CONFIG) --cflags libcurl libssl libcrypto)
LIBS      = $(shell $(PKG_CONFIG) --libs libcurl libssl libcrypto) -pthread
COMPILE   = $(CC) $(DIALECT) $(WARNINGS) $(CFLAGS) $(SANITIZERS) $(CPPFLAGS) $(PACKAGES)
# nodelete: a libcurl thread stuck in a DNS lookup may outlive lua_close, and so do handlers of fork
# and exit.
LINK      = $(CC) $(SANITIZERS) $(LDFLAGS) -Wl,-z,nodelete

# Where `make install` puts the modules: below PREFIX, or where this Lua looks for them.
LUADIR    = $(word 4,$(FACTS))
LIBDIR    = $(word 5,$(FACTS))
SUITE     = bash spec/ci/suite.sh

all: $(MODULE) ## build the module for LUA

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 14

$(MODULE): $(OBJECTS)
	@mkdir -p $(@D)
	$(LINK) -shared -o $@ $^ $(LIBS)

$(BUILD)/%.o: csrc/%.c
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

# A C unit test is linked with the files of csrc that never saw lua.h.
CORE = $(patsubst %.d,%.o,$(shell grep -L '/lua\.h' $(OBJECTS:.o=.d)))

$(BUILD)/unit/%: spec/unit/%.c $(OBJECTS)
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -o $@ $< $(CORE) $(LIBS)

-include $(OBJECTS:.o=.d) $(UNITS:=.d)

install: all ## install below PREFIX, else where LUA looks for modules (and below DESTDIR)
	install -d $(DESTDIR)$(LIBDIR)/bearer
	install -m 644 $(MODULE) $(DESTDIR)$(LIBDIR)/bearer/core.so
	@for file in $(LUA_SRC:lua/%=%); do \
	  to=$(DESTDIR)$(LUADIR)/$$file; echo "install -m 644 lua/$$file $$to"; \
	  install -d "$${to%/*}" && install -m 644 lua/$$file "$$to" || exit 1; done

uninstall: ## remove what `install` put there, and what is empty then
	rm -f $(DESTDIR)$(LIBDIR)/bearer/core.so
	@for file in $(LUA_SRC:lua/%=%); do \
	  echo "rm -f $(DESTDIR)$(LUADIR)/$$file"; rm -f $(DESTDIR)$(LUADIR)/$$file; done
	@for folder in $(LIBDIR)/bearer $(LUADIR)/bearer; do \
	  [ ! -d $(DESTDIR)$$folder ] || find $(DESTDIR)$$folder -depth -type d -empty -delete; done

clean: ## remove all that was built
	rm -rf build

setup: ## install the Debian packages that `make test` needs (as root)
	@sh spec/ci/setup.sh test

test: ## set up, build, lint, run everything; ends with "N passed, N failed"
	@bash spec/ci/test.sh

demo: ## set up, build, log in to all five stand-ins
	@sh spec/ci/setup.sh sandbox
	@$(MAKE) --no-print-directory -s all LUA=lua5.4
	@$(SUITE) run lua5.4 spec/sandbox/demo.lua

sandbox: ## set up, run the stand-ins in the foreground
	@sh spec/ci/setup.sh sandbox
	@$(MAKE) --no-print-directory -s all LUA=lua5.4
	@$(SUITE) run lua5.4 spec/sandbox/main.lua

spec: all ## run the specs with LUA (ARGS go to busted)
	@SUITE_BUILD=$(BUILD) $(SUITE) plain $(LUA) $(ARGS)

unit-build: $(UNITS)

unit: $(UNITS) ## run the C unit tests
	@export ASAN_OPTIONS=allocator_may_return_null=1; status=0; \
	for unit in $^; do echo "$$unit"; $$unit || status=1; done; exit $$status

sanitize: ## run unit tests and specs with LUA under ASan, UBSan and LSan
	@$(MAKE) --no-print-directory -s all unit SANITIZE=1
	@SUITE_BUILD=$(BUILD)-asan $(SUITE) asan $(LUA) $(ARGS)

valgrind: all ## run the specs with LUA under valgrind
	@SUITE_BUILD=$(BUILD) $(SUITE) valgrind $(LUA) $(ARGS)

clang: ## compile it with clang, into build/clang
	@$(MAKE) --no-print-directory -s all unit-build CC=clang BUILD=build/clang LUA=lua5.4 CFLAGS=-O1

# What 7.68, 7.74 and 7.76 have: Ubuntu 20.04, Debian 11, RHEL 9.
OLDER_CURLS := 0x074400 0x074a00 0x074c00
older-curls: ## compile it as if libcurl were an older one, into build/curl-VERSION
	@for version in $(OLDER_CURLS); do \
	  $(MAKE) --no-print-directory -s all BUILD=build/curl-$$version LUA=lua5.4 \
	    CPPFLAGS="-Ispec/support/older_curl -DOLDER_CURL=$$version" || exit 1; done

musl: ## compile it against musl's headers
	@bash spec/ci/musl.sh

threads: ## log in from many Lua states in many threads, under ThreadSanitizer
	@bash spec/ci/threads.sh

ONLY ?= *
bench: ## run the benchmarks (or ONLY that one) with Lua 5.4 and LuaJIT, pinned to one core
	@for lua in lua5.4 luajit; do \
	  $(MAKE) --no-print-directory -s bench-run LUA=$$lua || exit 1; done

bench-run: all $(BENCH)
	@for bench in $(sort $(wildcard spec/bench/$(ONLY).lua)); do \
	  SUITE_BUILD=$(BUILD) taskset -c 0 $(SUITE) run $(LUA) $$bench || exit 1; done

# C modules of the benchmarks, linked with nothing that they do not use.
$(BENCH): $(BUILD)/%.so: spec/bench/%.c
	@mkdir -p $(@D)
	$(COMPILE) $(LDFLAGS) -shared -o $@ $< -Wl,--as-needed $(LIBS)

lint: lint-lua lint-format lint-analyze lint-floors lint-rockspec lint-shell ## all the linters

lint-lua:
	luacheck -q lua spec $(wildcard examples) rockspec/*.rockspec .luacheckrc .busted

lint-format:
	clang-format --dry-run -Werror $(C_FILES)

# No leaks here: gcc 12 loses sight of what is stored in an array. LSan and valgrind find them.
lint-analyze: $(SOURCES:csrc/%.c=build/analyze/%.ok)

build/analyze/%.ok: csrc/%.c $(wildcard csrc/*/*.h)
	@mkdir -p $(@D)
	$(COMPILE) -Werror -fanalyzer -Wno-analyzer-malloc-leak -c -o /dev/null $<
	@touch $@

lint-floors: # includes, requires and files are those of the map, csrc/README.md
	lua5.4 spec/ci/floors.lua

lint-rockspec: # its lists of modules and C files are those of the tree
	lua5.4 spec/ci/rockspec.lua

lint-shell:
	@for file in $(SH_FILES); do bash -n $$file || exit 1; done

format: ## format the C files
	clang-format -i $(C_FILES)

rockspec: ## bring the rockspec's lists up to date
	lua5.4 spec/ci/rockspec.lua --write

docs: ## build/docs, by LDoc
	ldoc -q --fatalwarnings -c .config.ld .

FUZZ_SECONDS ?= 60
fuzz: ## run each libFuzzer target for FUZZ_SECONDS
	@sh spec/ci/setup.sh fuzz
	@$(MAKE) --no-print-directory -s all fuzz-build
	@for fuzzer in $(notdir $(FUZZERS)); do \
	  mkdir -p build/fuzz/corpus/$$fuzzer && \
	  build/fuzz/$$fuzzer -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
	    -artifact_prefix=build/fuzz/$$fuzzer- build/fuzz/corpus/$$fuzzer \
	    $$(ls -d spec/fuzz/corpus/$$fuzzer 2>/dev/null) || exit 1; done

fuzz-build: $(FUZZERS)

REPLAYS := $(FUZZERS:build/%=$(BUILD)/%)
fuzz-replay: $(REPLAYS) # the targets without libFuzzer, on the bytes of a few files
	@for replay in $^; do echo "$$replay" && $$replay $(SOURCES) $(wildcard lua/bearer/*.lua) || exit 1; done

$(BUILD)/fuzz/%: spec/fuzz/%.c $(OBJECTS)
	@mkdir -p $(@D)
	$(COMPILE) -D_GNU_SOURCE -MMD -MP -o $@ $< $(CORE) $(LIBS)

build/fuzz/%: spec/fuzz/%.c $(OBJECTS)
	@mkdir -p $(@D)
	clang $(DIALECT) -DLIBFUZZER -O1 -g $(PACKAGES) \
	  -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  -o $@ $< $(CORE:$(BUILD)/%.o=csrc/%.c) $(LIBS)

COVERED = build/coverage
coverage: ## specs with LUA and unit tests, measured by gcov
	@$(MAKE) --no-print-directory -s all unit BUILD=$(COVERED) CFLAGS='-O0 -g --coverage' \
	  LDFLAGS=--coverage
	@SUITE_BUILD=$(COVERED) $(SUITE) plain $(LUA) $(ARGS)
	@gcov -n -o $(COVERED) $(SOURCES) | sed -n '/^File .csrc/{N;s/\n/ /;p}'

.PHONY: all help install uninstall clean setup test demo sandbox spec unit unit-build sanitize valgrind \
        clang older-curls musl threads bench bench-run lint lint-lua lint-format lint-analyze lint-floors lint-rockspec lint-shell \
        format rockspec docs fuzz fuzz-build fuzz-replay coverage
.DELETE_ON_ERROR:
