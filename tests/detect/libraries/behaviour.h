/* How a stand-in for a vendor's library misbehaves, chosen when it is compiled.
 *
 * The stand-ins have the signatures that the vendors' headers document; none was compared with a vendor's binary. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef COUNT
#define COUNT 1
#endif
#ifndef STATUS
#define STATUS 0
#endif

static void behave(void) {
#ifdef CRASHES
    raise(SIGSEGV);
#endif
#ifdef ENDS
    exit(3);
#endif
#ifdef HANGS
    for (;;) pause();
#endif
#ifdef FLOODS
    for (int line = 0; line < 1 << 20; line++) {
        puts("[info] a library that tells everything to everybody");
        fputs("[warning] and on both streams\n", stderr);
    }
#endif
}

#ifdef CRASHES_LATE
__attribute__((destructor)) static void clean_up(void) { raise(SIGSEGV); }
#endif

/* A text as the vendor's library writes it, or bytes that are none. */
static void say(char *answer, size_t length, const char *text) {
#ifdef GARBLES
    memset(answer, 0xfe, length);
#else
    strncpy(answer, text, length);
#endif
}

static uint64_t bytes(uint64_t gibibytes) {
#ifdef GARBLES
    return UINT64_MAX;
#else
    return gibibytes << 30;
#endif
}
