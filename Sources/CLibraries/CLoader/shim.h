#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

// dl_iterate_phdr(3) and its types stand behind _GNU_SOURCE, which Swift's view of glibc does not define.
static inline int cb_drop_segments(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size;
    (void)context;
    unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE) - 1;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        // What can be written holds relocated addresses and variables, which are nowhere else.
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        unsigned long start = (object->dlpi_addr + segment->p_vaddr) & ~page;
        unsigned long end = (object->dlpi_addr + segment->p_vaddr + segment->p_filesz + page) & ~page;
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

// Takes the pages of code and constants of the program and its libraries out of the process; what is used again comes back
// from the kernel's cache, 64 KB at a time.
static inline void cb_drop_code_pages(void) { dl_iterate_phdr(cb_drop_segments, 0); }
