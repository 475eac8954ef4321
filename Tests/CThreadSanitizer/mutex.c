// Swift's Mutex is an inlined compare-and-swap, which the thread sanitizer sees, and, where two threads meet on it, a
// futex inside libswiftSynchronization, which is not instrumented: the sanitizer does not see that one thread waited for
// the other, and takes what the lock guards for a race. In a build with the sanitizer, and in no other, these two
// functions stand in front of the runtime's, call them, and tell the sanitizer what happened.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// compiler-rt, sanitizer/tsan_interface.h.
void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// The runtime's own function. A toolchain that calls it otherwise is found out at the first contended lock.
static void *runtimes(const char *symbol) {
    void *function = dlsym(RTLD_NEXT, symbol);
    if (!function) abort();
    return function;
}

SWIFT void mutex_lock_slow(uint32_t thread, SELF void *handle) __asm__(LOCK);
SWIFT void mutex_lock_slow(uint32_t thread, SELF void *handle) {
    ((SWIFT void (*)(uint32_t, SELF void *))runtimes(LOCK))(thread, handle);
    __tsan_acquire(handle);
}

SWIFT void mutex_unlock_slow(SELF void *handle) __asm__(UNLOCK);
SWIFT void mutex_unlock_slow(SELF void *handle) {
    __tsan_release(handle);
    ((SWIFT void (*)(SELF void *))runtimes(UNLOCK))(handle);
}

#endif
#endif
