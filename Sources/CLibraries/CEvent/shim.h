#pragma once
// Before libevent's headers: its event-config.h turns on _GNU_SOURCE, under which <sys/select.h> would define fd_set
// otherwise than Swift's Glibc module has it.
#include <sys/select.h>
#include <sys/time.h>

#include <event2/event.h>
#include <event2/util.h>
#include <pthread.h>
#include <sys/eventfd.h>

// Not declared without _GNU_SOURCE, which the line above must avoid.
extern int pthread_setname_np(pthread_t thread, const char *name);
